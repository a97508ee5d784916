/* Programs' memory, read where it is: reports may not sleep, nor bring pages in. */
#include "diagnose/diagnose_internal.h"
#include "lib/memory.h"
#include "memory/page.h"
#include "memory/page_table.h"

static const char *find_byte(physical_address root, user_address address, uint64_t *entry)
{
    user_address start, end;

    *entry = root != 0 && address < USER_SPACE_END
                 ? page_table_lookup(root, address, 0, &start, &end) : 0;
    if (!(*entry & ENTRY_PRESENT))
        return NULL;
    return machine_info()->direct_map + (*entry & ENTRY_ADDRESS) + address % PAGE_SIZE;
}

bool peek(physical_address root, user_address address, void *bytes, size_t size)
{
    char *to = bytes;

    while (size > 0) {
        size_t part = PAGE_SIZE - (size_t)(address % PAGE_SIZE);
        uint64_t entry;
        const char *from = find_byte(root, address, &entry);

        if (!from)
            return false;
        if (part > size)
            part = size;
        memcpy(to, from, part);
        to += part;
        address += part;
        size -= part;
    }
    return true;
}

bool peek_is_code(physical_address root, user_address address)
{
    uint64_t entry;

    return find_byte(root, address, &entry) && !(entry & ENTRY_NO_EXECUTE);
}
