/* Sets of numbers: open addressing, at most half full. */
#include "search/forms.h"

#include <stdlib.h>

#define ROOM_AT_FIRST 1024

/* 0 marks a free place. */
static uint64_t place_of(const struct forms *forms, uint64_t form)
{
    uint64_t place = form % forms->room;

    while (forms->places[place] && forms->places[place] != form)
        place = (place + 1) % forms->room;
    return place;
}

static void grow(struct forms *forms)
{
    struct forms larger = { .room = forms->room ? 2 * forms->room : ROOM_AT_FIRST };

    larger.places = calloc(larger.room, sizeof(*larger.places));
    if (!larger.places)
        abort();
    for (uint64_t i = 0; i < forms->room; i++) {
        if (forms->places[i])
            larger.places[place_of(&larger, forms->places[i])] = forms->places[i];
    }
    larger.count = forms->count;
    free(forms->places);
    *forms = larger;
}

bool forms_add(struct forms *forms, uint64_t form)
{
    uint64_t place;

    form += form == 0;
    if (2 * (forms->count + 1) > forms->room)
        grow(forms);
    place = place_of(forms, form);
    if (forms->places[place])
        return false;
    forms->places[place] = form;
    forms->count++;
    return true;
}

bool forms_know(const struct forms *forms, uint64_t form)
{
    form += form == 0;
    return forms->room && forms->places[place_of(forms, form)];
}
