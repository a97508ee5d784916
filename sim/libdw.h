#pragma once
/*
 * libdw.c: the library that reads debugging information, with those that it needs.  Most runs never
 * ask for a name, and to load six libraries takes longer than to run a small guest: so it is loaded
 * when it is first asked for.
 */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#define LIBDW_FUNCTIONS(DO)                                                                        \
    DO(dwarf_attr) DO(dwarf_decl_file) DO(dwarf_diename) DO(dwarf_filesrc) DO(dwarf_formudata)     \
    DO(dwarf_getscopes) DO(dwarf_getscopes_die) DO(dwarf_getsrcfiles) DO(dwarf_tag)                \
    DO(dwfl_addrmodule) DO(dwfl_begin) DO(dwfl_getmodules) DO(dwfl_lineinfo)                       \
    DO(dwfl_linux_proc_find_elf) DO(dwfl_linux_proc_report) DO(dwfl_module_addrdie)                \
    DO(dwfl_module_addrinfo) DO(dwfl_module_getelf) DO(dwfl_module_getsrc)                         \
    DO(dwfl_offline_section_address) DO(dwfl_report_begin) DO(dwfl_report_elf)                     \
    DO(dwfl_report_end) DO(dwfl_standard_find_debuginfo) DO(elf_getphdrnum) DO(gelf_getphdr)

#define LIBDW_MEMBER(name) __typeof__(name) *name;

struct libdw {
    LIBDW_FUNCTIONS(LIBDW_MEMBER)
};

/* NULL: this host has no such library. */
const struct libdw *libdw_load(void);
