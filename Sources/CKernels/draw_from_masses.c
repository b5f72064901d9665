// Drawing many ids at once: the uniforms are sorted, so one walk along the cumulated mass finds all.

#include "include/teacher_kernels.h"

size_t draw_from_masses(const float *masses, size_t count, const double *uniforms, size_t draws,
                        int32_t *ids, int32_t *counts) {
    double total = 0;
    size_t last = count;
    for (size_t i = 0; i < count; i++) {
        if (!(masses[i] > 0)) continue;
        total += (double)masses[i];
        last = i;
    }
    if (last == count) return 0;
    size_t found = 0, next = 0;
    double cumulated = 0;
    for (size_t i = 0; i <= last && next < draws; i++) {
        if (!(masses[i] > 0)) continue;
        cumulated += (double)masses[i];
        // The sums are the same ones as above; the last id takes what rounding could leave.
        size_t here = 0;
        while (next < draws && (uniforms[next] * total < cumulated || i == last)) {
            next++;
            here++;
        }
        if (here == 0) continue;
        ids[found] = (int32_t)i;
        counts[found] = (int32_t)here;
        found++;
    }
    return found;
}
