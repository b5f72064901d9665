// Floats times codes or trits.
#define STEP_WORDS PRODUCT_BLOCK_WORDS
#define STEP_LIMIT PRODUCT_INT16_LIMIT
#define RIGHT_HAS_STEPS 0
#define RIGHT_FLOATS 0
#define RIGHT_INTEGERS 1
#include "product_int16_left.h"
#include "product_pairs.h"

_Static_assert(PRODUCT_INT16_DEPTH == STEP_DEPTH, "as the reference has it");

INLINE_KERNEL __m512i code_words(__m512i first, __m512i second) { return words_of(first, second); }

INLINE_KERNEL __m512i trit_words(__m512i trits) {
    return _mm512_sub_epi16(trits, _mm512_set1_epi16(1));
}

DEFINE_PRODUCT(int16)
