#define _GNU_SOURCE
#include "allocation_count.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static _Thread_local struct {
    int is_on;
    size_t at_least, count;
} counted;

static void count(size_t bytes) {
    if (counted.is_on && bytes >= counted.at_least) counted.count++;
}

void allocation_count_begin(size_t bytes) {
    counted.at_least = bytes;
    counted.count = 0;
    counted.is_on = 1;
}

size_t allocation_count_end(void) {
    counted.is_on = 0;
    return counted.count;
}

void *malloc(size_t bytes) {
    count(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t elements, size_t bytes) {
    size_t all;
    count(__builtin_mul_overflow(elements, bytes, &all) ? SIZE_MAX : all);
    return __libc_calloc(elements, bytes);
}

void *realloc(void *pointer, size_t bytes) {
    count(bytes);
    return __libc_realloc(pointer, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    count(bytes);
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **pointer, size_t alignment, size_t bytes) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
    count(bytes);
    void *result = __libc_memalign(alignment, bytes);
    if (!result) return ENOMEM;
    *pointer = result;
    return 0;
}

// Big buffers come from mmap.
void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
    count(bytes);
    return (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}
