/*
 * The wait-for graph in DOT, on MACHINE_STREAM_GRAPH: boxes are threads, ellipses what they wait
 * for, an arrow from a thread goes to what it waits for and from there to who holds it.  Circles
 * are red.
 */
#include "diagnose/diagnose_internal.h"
#include "lib/format.h"

#define LABEL_SIZE 256
#define RED ", color=\"#c0392b\", penwidth=2"

/* In the program itself, if that is known. */
static const char *where_text(const struct view *view, const char *otherwise, char *text,
                              size_t size)
{
    const struct place *place = view->caller.address ? &view->caller : &view->place;

    return place->address ? place_text(place, text, size) : otherwise;
}

static void add_thread(struct output *output, const struct view *view)
{
    char who[WHO_SIZE], where[WHAT_SIZE], label[LABEL_SIZE];

    format(label, sizeof(label), "%s", view_who(view, who, sizeof(who)));
    output_add(output, "  t%d [shape=box, style=\"rounded,filled\", fillcolor=\"%s\"%s, label=",
               view->id, view->cycle ? "#fdecea" : "#eaf2fd", view->cycle ? RED : "");
    output_quoted(output, label);
    output_add(output, ", tooltip=");
    output_quoted(output, where_text(view, "kernel", where, sizeof(where)));
    output_add(output, "];\n");
}

static bool waits_for_same(const struct view *a, const struct view *b)
{
    return a->kind == b->kind && a->object == b->object;
}

/* Objects are drawn once for all who wait for them. */
static bool is_first_to_wait(const struct picture *picture, unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (waits_for_same(&picture->views[i], &picture->views[index]))
            return false;
    }
    return true;
}

static bool is_in_circle(const struct picture *picture, const struct view *view)
{
    for (unsigned i = 0; i < picture->count; i++) {
        if (picture->views[i].cycle != 0 && waits_for_same(&picture->views[i], view))
            return true;
    }
    return false;
}

static void add_object(struct output *output, const struct picture *picture,
                       const struct view *view)
{
    const char *color = is_in_circle(picture, view) ? RED : "";
    char what[WHAT_SIZE], where[WHAT_SIZE], edge[LABEL_SIZE];

    (void)view_what(picture, view, what, sizeof(what));
    output_add(output, "  o%u_%llx [shape=ellipse%s, label=", (unsigned)view->kind,
               (unsigned long long)view->object, color);
    output_quoted(output, what);
    output_add(output, "];\n");
    if (view->owner == NOBODY)
        return;
    format(edge, sizeof(edge), "held by%s%s%s", lock_is_guess(view) ? " (a guess)" : "",
           view->owner_place.address ? ", taken at " : "",
           view->owner_place.address ? place_text(&view->owner_place, where, sizeof(where)) : "");
    output_add(output, "  o%u_%llx -> t%d [label=", (unsigned)view->kind,
               (unsigned long long)view->object, view->owner_id);
    output_quoted(output, edge);
    output_add(output, "%s];\n", color);
}

static void add_wait(struct output *output, const struct view *view, bool is_direct)
{
    char where[WHAT_SIZE];

    output_add(output, "  t%d -> ", view->id);
    if (is_direct)
        output_add(output, "t%d", view->owner_id);
    else
        output_add(output, "o%u_%llx", (unsigned)view->kind, (unsigned long long)view->object);
    output_add(output, " [label=");
    output_quoted(output, where_text(view, "waits", where, sizeof(where)));
    output_add(output, "%s];\n", view->cycle ? RED : "");
}

void report_graph(const struct picture *picture)
{
    struct output output;

    output_init(&output, MACHINE_STREAM_GRAPH);
    output_add(&output, "digraph waits {\n  rankdir=LR;\n  node [fontname=\"Helvetica\"];\n"
                        "  edge [fontname=\"Helvetica\", fontsize=10];\n");
    for (unsigned i = 0; i < picture->count; i++) {
        const struct view *view = &picture->views[i];

        add_thread(&output, view);
        if (view->kind == WAIT_NONE)
            continue;

        /* A process that is waited for is drawn already. */
        bool is_direct = view->owner != NOBODY &&
                         (view->kind == WAIT_CHILD || view->lock == LOCK_THREAD);

        if (!is_direct && is_first_to_wait(picture, i))
            add_object(&output, picture, view);
        add_wait(&output, view, is_direct);
    }
    output_add(&output, "}\n");
    output_flush(&output);
}
