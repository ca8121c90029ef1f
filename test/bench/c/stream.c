/*
 * The bandwidth kernels in C, for `npm run bench`: the measure of what the machine gives a compiled program. A
 * variant of the STREAM benchmark code: its loops, order, scalar and check. Every thread has its own part of the
 * arrays and touches it first.
 *
 *   stream THREADS ARRAY_BYTES ITERATIONS
 *
 * ARRAY_BYTES is of one of three arrays, a multiple of 8 times THREADS. The first iteration is dropped. Prints a
 * line per kernel: its name and the nanoseconds of every pass, from the first thread's start to the last one's
 * end. Ends with 1 where a result is wrong, 2 on wrong usage.
 */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { COPY, SCALE, ADD, TRIAD, READ, KERNELS };
static const char *const names[KERNELS] = {"copy", "scale", "add", "triad", "read"};

enum { MAX_THREADS = 256, MAX_ITERATIONS = 64 };
static const double scalar = 3.0;

static double *a, *b, *c;
static size_t part_elements;
static int threads, iterations;
static int64_t starts[MAX_THREADS][KERNELS][MAX_ITERATIONS];
static int64_t ends[MAX_THREADS][KERNELS][MAX_ITERATIONS];
static double sums[MAX_THREADS];

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Threads spin, so that they start together; where there are more than processors, they step aside. */
static atomic_int arrived, generation;

static void wait_for_all(void) {
  int current = atomic_load(&generation);
  if (atomic_fetch_add(&arrived, 1) + 1 == threads) {
    atomic_store(&arrived, 0);
    atomic_fetch_add(&generation, 1);
    return;
  }
  for (long spin = 0; atomic_load(&generation) == current; spin++)
    if (spin > 1000000) sched_yield();
}

__attribute__((noinline)) static void copy(double *restrict to, const double *restrict from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = from[i];
}

__attribute__((noinline)) static void scale(double *restrict to, const double *restrict from, size_t n, double q) {
  for (size_t i = 0; i < n; i++) to[i] = q * from[i];
}

__attribute__((noinline)) static void add(double *restrict to, const double *restrict x, const double *restrict y,
                                          size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = x[i] + y[i];
}

__attribute__((noinline)) static void triad(double *restrict to, const double *restrict x,
                                            const double *restrict y, size_t n, double q) {
  for (size_t i = 0; i < n; i++) to[i] = x[i] + q * y[i];
}

/* Sixteen running sums: without -ffast-math the compiler may not make them itself, and one sum would wait for the
 * latency of its addition. */
__attribute__((noinline)) static double read_sum(const double *from, size_t n) {
  double sum[16] = {0};
  size_t whole = n - n % 16;
  for (size_t i = 0; i < whole; i += 16)
    for (size_t j = 0; j < 16; j++) sum[j] += from[i + j];
  double total = 0;
  for (size_t j = 0; j < 16; j++) total += sum[j];
  for (size_t i = whole; i < n; i++) total += from[i];
  return total;
}

static double run(int kernel, size_t at) {
  switch (kernel) {
    case COPY: copy(c + at, a + at, part_elements); return 0;
    case SCALE: scale(b + at, c + at, part_elements, scalar); return 0;
    case ADD: add(c + at, a + at, b + at, part_elements); return 0;
    case TRIAD: triad(a + at, b + at, c + at, part_elements, scalar); return 0;
    default: return read_sum(a + at, part_elements);
  }
}

static void *run_thread(void *argument) {
  int thread = (int)(intptr_t)argument;
  size_t at = (size_t)thread * part_elements;
  for (size_t i = at; i < at + part_elements; i++) {
    a[i] = 1;
    b[i] = 2;
    c[i] = 0;
  }
  for (int iteration = 0; iteration < iterations; iteration++) {
    for (int kernel = 0; kernel < KERNELS; kernel++) {
      wait_for_all();
      starts[thread][kernel][iteration] = now_ns();
      double sum = run(kernel, at);
      ends[thread][kernel][iteration] = now_ns();
      if (kernel == READ) sums[thread] = sum;
    }
  }
  return NULL;
}

static double mean_error(const double *array, size_t n, double expected) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += fabs(array[i] - expected);
  return sum / (double)n;
}

static int is_right(size_t n) {
  double ea = 1, eb = 2, ec = 0, sum = 0;
  for (int i = 0; i < iterations; i++) {
    ec = ea;
    eb = scalar * ec;
    ec = ea + eb;
    ea = eb + scalar * ec;
  }
  for (int thread = 0; thread < threads; thread++) sum += sums[thread];
  return mean_error(a, n, ea) <= 1e-13 * ea && mean_error(b, n, eb) <= 1e-13 * eb &&
         mean_error(c, n, ec) <= 1e-13 * ec && fabs(sum / (double)n - ea) <= 1e-9 * ea;
}

static void print_passes(int kernel) {
  printf("%s", names[kernel]);
  for (int iteration = 1; iteration < iterations; iteration++) {
    int64_t start = INT64_MAX, end = 0;
    for (int thread = 0; thread < threads; thread++) {
      if (starts[thread][kernel][iteration] < start) start = starts[thread][kernel][iteration];
      if (ends[thread][kernel][iteration] > end) end = ends[thread][kernel][iteration];
    }
    printf(" %lld", (long long)(end - start));
  }
  printf("\n");
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  threads = atoi(arguments[1]);
  size_t bytes = strtoull(arguments[2], NULL, 10);
  iterations = atoi(arguments[3]);
  if (threads < 1 || threads > MAX_THREADS || iterations < 2 || iterations > MAX_ITERATIONS) return 2;
  part_elements = bytes / sizeof(double) / (size_t)threads;
  /* One piece, the arrays one after the other, as in the probe's memory. */
  char *memory = mmap(NULL, 3 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  a = (double *)memory;
  b = (double *)(memory + bytes);
  c = (double *)(memory + 2 * bytes);
  pthread_t ids[MAX_THREADS];
  for (int thread = 1; thread < threads; thread++)
    if (pthread_create(&ids[thread], NULL, run_thread, (void *)(intptr_t)thread) != 0) return 2;
  run_thread((void *)0);
  for (int thread = 1; thread < threads; thread++) pthread_join(ids[thread], NULL);
  if (!is_right((size_t)threads * part_elements)) return 1;
  for (int kernel = 0; kernel < KERNELS; kernel++) print_passes(kernel);
  return 0;
}
