#pragma once
/*
 * Has this test, which is a process of its own, come by MARK(name) of lib/mark.h?  Looked at under
 * `make coverage`; tidy sees to it that each mark is expected somewhere.
 */
#ifdef EFT_MARKS
unsigned mark_count(const char *name);
#define EXPECT_MARK(name) ck_assert_msg(mark_count(#name) > 0, "it did not come by " #name)
#else
#define EXPECT_MARK(name) ((void)0)
#endif
