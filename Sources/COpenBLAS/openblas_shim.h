// Debian keeps this header in a folder of its own; pkg-config names it.
#include <cblas.h>
