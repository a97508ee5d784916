/*
 * Linked into the sim of the variant asan only.  The tool warns on stderr, where conformance tests
 * compare, that it does not know the kernel's stacks; so it writes to files, REPORTS.pid, which
 * tests/tidy/reports.py reads afterwards.  The core has no host heap: there are no leaks to find.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0:log_path=" REPORTS;
}
