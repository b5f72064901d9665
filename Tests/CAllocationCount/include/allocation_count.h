// Counts what the calling thread asks the allocator for: the test's program has its own malloc, which
// counts and then calls glibc's.
#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stddef.h>

// Counts from now on, from 0, on the calling thread: requests of at least `bytes`.
void allocation_count_begin(size_t bytes);

// Requests since then; counts no more.
size_t allocation_count_end(void);

#endif
