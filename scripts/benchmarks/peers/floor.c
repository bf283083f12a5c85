/* The matrix products of an epoch, one after the other. REAL is float or double. */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };

typedef void product(int order, int transpose_a, int transpose_b, int m, int n, int k, REAL alpha,
                     const REAL *a, int lda, const REAL *b, int ldb, REAL beta, REAL *c, int ldc);

/* `sizes` has the width of x and of each layer's output; W, out and grad are by layer. */
void run_epoch(product *gemm, const REAL *x, int n_batches, int batch, int n_layers, const int *sizes,
               REAL **W, REAL **out, REAL **grad, int is_training)
{
    for (int i = 0; i < n_batches; i++, x += (long)batch * sizes[0]) {
        const REAL *in = x;
        for (int l = 0; l < n_layers; l++) {
            int k = sizes[l], n = sizes[l + 1];
            gemm(ROW_MAJOR, AS_IT_IS, AS_IT_IS, batch, n, k, 1, in, k, W[l], n, 0, out[l], n);
            in = out[l];
        }
        for (int l = is_training ? n_layers - 1 : -1; l >= 0; l--) {
            int k = sizes[l], n = sizes[l + 1];
            if (l)
                gemm(ROW_MAJOR, AS_IT_IS, TRANSPOSED, batch, k, n, 1, grad[l], n, W[l], n, 0,
                     grad[l - 1], k);
            gemm(ROW_MAJOR, TRANSPOSED, AS_IT_IS, k, n, batch, -1e-9, l ? out[l - 1] : x, k, grad[l],
                 n, 1, W[l], n);
        }
    }
}
