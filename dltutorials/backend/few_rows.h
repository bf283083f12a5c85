// Matrix products of few rows, divided among our own threads (parallel.h).
//
// The arguments are those of sgemm: matrices in Fortran's order. A product with one row, one column
// or one term does without sgemm, which would copy the matrix first.

#include <algorithm>

namespace dltutorials {

static void gemm(char* ta, char* tb, int m, int n, int k, float alpha, const float* A, int lda,
    const float* B, int ldb, float beta, float* C, int ldc)
{
    sgemm_(ta, tb, &m, &n, &k, &alpha, A, &lda, B, &ldb, &beta, C, &ldc);
}

static void gemm(char* ta, char* tb, int m, int n, int k, double alpha, const double* A, int lda,
    const double* B, int ldb, double beta, double* C, int ldc)
{
    dgemm_(ta, tb, &m, &n, &k, &alpha, A, &lda, B, &ldb, &beta, C, &ldc);
}

static void gemv(bool transposed, int m, int n, float alpha, const float* A, int lda,
    const float* x, int x_step, float beta, float* y, int y_step)
{
    char t = transposed ? 'T' : 'N';
    sgemv_(&t, &m, &n, &alpha, A, &lda, x, &x_step, &beta, y, &y_step);
}

static void gemv(bool transposed, int m, int n, double alpha, const double* A, int lda,
    const double* x, int x_step, double beta, double* y, int y_step)
{
    char t = transposed ? 'T' : 'N';
    dgemv_(&t, &m, &n, &alpha, A, &lda, x, &x_step, &beta, y, &y_step);
}

// C = beta C + alpha a b', where the numbers of a are next to each other.
template <typename number>
void add_outer(int m, int n, number alpha, const number* a, const number* b, npy_intp b_step,
    number beta, number* C, npy_intp ldc)
{
    for (int j = 0; j < n; ++j, C += ldc) {
        const number factor = alpha * b[j * b_step];
        if (beta == 0)
            for (int i = 0; i < m; ++i)
                C[i] = factor * a[i];
        else
            for (int i = 0; i < m; ++i)
                C[i] = beta * C[i] + factor * a[i];
    }
}

// One product, in this thread.
template <typename number>
void multiply_part(char* ta, char* tb, int m, int n, int k, number alpha, const number* A, int lda,
    const number* B, int ldb, number beta, number* C, int ldc)
{
    const bool a = *ta == 'N', b = *tb == 'N';
    if (k == 1 && (a || lda == 1))
        add_outer(m, n, alpha, A, B, b ? ldb : 1, beta, C, ldc);
    else if (n == 1)
        gemv(!a, a ? m : k, a ? k : m, alpha, A, lda, B, b ? 1 : ldb, beta, C, 1);
    else if (m == 1)
        gemv(b, b ? k : n, b ? n : k, alpha, B, ldb, A, a ? lda : 1, beta, C, ldc);
    else
        gemm(ta, tb, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);
}

template <typename number>
void multiply(char* ta, char* tb, const int* m, const int* n, const int* k, const number* alpha,
    const number* A, const int* lda, const number* B, const int* ldb, const number* beta, number* C,
    const int* ldc)
{
    enum { FEW = 64, LARGE = 1 << 25, DIVIDED = 1 << 20 };  // multiplications
    enum { REST = 5000000 };  // nanoseconds
    static int64_t last_large = -REST;
    const double size = (double)*m * *n * *k;
    if (!Team::KNOWS_BLAS || std::min({*m, *n, *k}) > FEW || size > LARGE || size == 0) {
        gemm(ta, tb, *m, *n, *k, *alpha, A, *lda, B, *ldb, *beta, C, *ldc);
        last_large = Team::now();
        return;
    }
    const bool by_m = *m > *n;
    const npy_intp length = by_m ? *m : *n, n_parts = size < DIVIDED ? 1 : 4;
    const npy_intp a_step = *ta == 'N' ? 1 : *lda, b_step = *tb == 'N' ? *ldb : 1;
    auto work = [&](npy_intp part) {
        const npy_intp start = length * part / n_parts, end = length * (part + 1) / n_parts;
        if (by_m)
            multiply_part(ta, tb, end - start, *n, *k, *alpha, A + start * a_step, *lda, B, *ldb,
                *beta, C + start, *ldc);
        else
            multiply_part(ta, tb, *m, end - start, *k, *alpha, A, *lda, B + start * b_step, *ldb,
                *beta, C + start * *ldc, *ldc);
    };
    // Threads of the BLAS that have just been busy would be in the way.
    Team::run(n_parts, work, Team::now() - last_large < REST);
}

}  // namespace dltutorials
