// tanh and the logistic sigmoid of float32, computed in float64 and rounded once.
//
// With 2x = k log(2) + 2y, where k is an integer and |y| < 0.174, and e = 2^k,
//
//     tanh(x) = (e exp(2y) - 1) / (e exp(2y) + 1),   exp(2y) = (q + p) / (q - p),
//
// p / q being the first terms of Lambert's continued fraction of tanh(y), whose error is below
// that of float64. Nothing branches and no table is read, so that the compiler makes vectors.

#ifndef DLTUTORIALS_VECTOR_FUNCTIONS
#define DLTUTORIALS_VECTOR_FUNCTIONS

#include <cstdint>
#include <cstring>

// GCC makes no vectors where a comparison may trap. A function with an attribute can inline only
// builtins and what is always inlined: not std::copysign of float32.
#if defined(__GNUC__) && !defined(__clang__)
#define DLTUTORIALS_NO_TRAPS __attribute__((optimize("no-trapping-math")))
#else
#define DLTUTORIALS_NO_TRAPS
#endif

namespace dltutorials {

struct Exponential {
    double e, p, q;  // exp(2x) = e (q + p) / (q - p)

    inline __attribute__((always_inline)) explicit Exponential(double x)
    {
        const double log2_high = 6.93147180369123816490e-01, log2_low = 1.90821492927058770002e-10;
        int k = (int)(x * 2.885390081777926815 + __builtin_copysign(0.5, x));  // x / (log(2) / 2)
        double y = (x - k * (log2_high / 2)) - k * (log2_low / 2), s = y * y;
        uint64_t bits = (uint64_t)(int64_t)(k + 1023) << 52;
        std::memcpy(&e, &bits, sizeof e);
        p = y * (10395 + s * (1260 + s * 21));
        q = 10395 + s * (4725 + s * (210 + s));
    }
};

DLTUTORIALS_NO_TRAPS static void tanh(const float* x, float* z, npy_intp n)
{
    for (npy_intp i = 0; i < n; ++i) {
        Exponential of(x[i] < -10 ? -10 : x[i] > 10 ? 10 : x[i]);
        double up = of.e + 1, down = of.e - 1;
        double value = (up * of.p + down * of.q) / (up * of.q + down * of.p);
        z[i] = __builtin_copysignf((float)value, x[i]);  // that of -0 is -0
    }
}

DLTUTORIALS_NO_TRAPS static void sigmoid(const float* x, float* z, npy_intp n)
{
    for (npy_intp i = 0; i < n; ++i) {
        Exponential of(0.5 * (x[i] < -110 ? -110 : x[i] > 30 ? 30 : x[i]));
        double up = of.e * (of.q + of.p);
        z[i] = (float)(up / (up + (of.q - of.p)));
    }
}

}  // namespace dltutorials

#endif
