// Threads that share the parts of a loop, and sleep soon when there is nothing to do.
//
// Each thread takes the next part until none is left, so that a thread that another process keeps
// from running delays nothing but the part it holds. After such a delay, one thread works alone for
// a while, which doubles each time that the next delay follows soon. What a part computes must not
// depend on who computes it; then results do not depend on the number of threads, either. A product
// in a part uses one thread: if the BLAS divided each of many products among its threads, it would
// wait for the slowest one each time. (POSIX threads: the headers of C++'s take as long to compile
// as all of this module.)

#ifndef DLTUTORIALS_PARALLEL
#define DLTUTORIALS_PARALLEL

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#ifdef sgemm_  // scipy-openblas32 is linked, under other names
extern "C" int scipy_openblas_get_num_threads();
extern "C" void scipy_openblas_set_num_threads(int);
#endif

namespace dltutorials {

class Team {
    static const int SPIN = 200000;  // nanoseconds, longer than the gap between two training steps
    static const int DELAY = 1000000, SOON = 20000000;  // nanoseconds, too
    static const int SHORTEST = 10000000, LONGEST = 640000000;  // pauses

    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t begins = PTHREAD_COND_INITIALIZER, ends = PTHREAD_COND_INITIALIZER;
    void (*work)(void*, int) = nullptr;
    void* what = nullptr;
    int n_parts = 0, n_helpers = 0, n_started = 0;
    std::atomic<int> next{0}, n_active{0};
    std::atomic<unsigned> job{0};
    int64_t alone_until = 0, pause = 0;
    const pid_t process = getpid();

    void take_parts()
    {
        for (int part; (part = next.fetch_add(1)) < n_parts;)
            work(what, part);
    }

    template <typename Condition> static void spin(Condition is_met)
    {
        const int64_t begun = now();
        do {
            for (int i = 0; i < 100; ++i)
                if (is_met())
                    return;
        } while (now() - begun < SPIN);
    }

    void help()
    {
        pthread_mutex_lock(&mutex);
        for (int rank = n_started++;;) {
            unsigned seen = job;
            pthread_mutex_unlock(&mutex);
            spin([&] { return job != seen; });
            pthread_mutex_lock(&mutex);
            while (job == seen)
                pthread_cond_wait(&begins, &mutex);
            if (rank >= n_helpers)
                continue;
            ++n_active;
            pthread_mutex_unlock(&mutex);
            take_parts();
            pthread_mutex_lock(&mutex);
            if (--n_active == 0)
                pthread_cond_signal(&ends);
        }
    }

    static void* start(void* team)
    {
        ((Team*)team)->help();
        return nullptr;
    }

    void share(int n, int n_threads, void (*the_work)(void*, int), void* argument)
    {
        pthread_mutex_lock(&mutex);
        while (n_active)  // a helper that woke up late still looks for parts of the last job
            pthread_cond_wait(&ends, &mutex);
        const int64_t begun = now();
        n_helpers = begun < alone_until ? 0 : (n < n_threads ? n : n_threads) - 1;
        for (pthread_t helper; n_created < n_helpers; ++n_created)
            if (pthread_create(&helper, nullptr, start, this) == 0)
                pthread_detach(helper);
        work = the_work, what = argument, n_parts = n, next = 0;
        ++job;
        pthread_mutex_unlock(&mutex);
        if (n_helpers > 0)
            pthread_cond_broadcast(&begins);
        take_parts();
        const int64_t end = now();
        spin([&] { return n_active == 0; });
        pthread_mutex_lock(&mutex);
        while (n_active)
            pthread_cond_wait(&ends, &mutex);
        const int64_t delay = now() - end;
        if (delay > DELAY && delay > end - begun) {  // longer than all the work of this thread
            const bool is_soon = begun - alone_until < SOON;
            pause = !is_soon ? SHORTEST : pause < LONGEST ? 2 * pause : LONGEST;
            alone_until = end + delay + pause;
        }
        n_parts = 0;  // for one that wakes up late
        pthread_mutex_unlock(&mutex);
    }

    int n_created = 0;

    static Team* of_this_process()
    {
        static Team* team = nullptr;
        if (!team || team->process != getpid())  // after a fork there are no threads
            team = new Team;  // never deleted: its threads run until the process ends
        return team;
    }

public:
    enum { MAX_PARTS = 8 };  // that a loop is usually divided into
#ifdef sgemm_
    enum { KNOWS_BLAS = true };
#else
    enum { KNOWS_BLAS = false };
#endif

    // Returns the time in nanoseconds.
    static int64_t now()
    {
        timespec time;
        clock_gettime(CLOCK_MONOTONIC, &time);
        return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    }

    // Calls work(0) to work(n - 1) in as many threads as the BLAS has, or in this one alone. Only
    // one thread of a process is here at a time: it has the GIL.
    template <typename Work> static void run(int n, Work work, bool is_alone = false)
    {
        int n_threads = 1;
#ifdef sgemm_
        n_threads = scipy_openblas_get_num_threads();
        scipy_openblas_set_num_threads(1);
#endif
        of_this_process()->share(n, is_alone ? 1 : n_threads,
            [](void* work, int part) { (*(Work*)work)(part); }, &work);
#ifdef sgemm_
        scipy_openblas_set_num_threads(n_threads);
#endif
    }
};

}  // namespace dltutorials

#endif
