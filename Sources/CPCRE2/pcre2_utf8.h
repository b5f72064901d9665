// pcre2.h declares nothing until it is told the width of a code unit; ours are UTF-8 bytes.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
