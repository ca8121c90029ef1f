/*
 * The pointer chase in C, for `npm run bench`: per working set the nanoseconds of a load that waits for the one
 * before, over one random cycle of 64-byte lines.
 *
 *   chase REPETITIONS REPETITION_NS WORKING_SET_BYTES...
 *
 * Working sets are multiples of 64. Prints a line per set: its bytes, and the least of the repetitions. The links
 * are 32-bit offsets from a base, as WebAssembly's addresses are. Ends with 2 on wrong usage.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { LINE_BYTES = 64, WORDS_PER_LINE = LINE_BYTES / 4 };

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint64_t state = 1;

/* splitmix64 (Steele and others, 2014); its upper bits, scaled to the bound. */
static uint32_t below(uint32_t bound) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((((z ^ (z >> 31)) >> 32) * bound) >> 32);
}

/* Sattolo: a random permutation that is one cycle. */
static void write_cycle(uint32_t *words, uint32_t nodes) {
  for (uint32_t node = 0; node < nodes; node++) words[node * WORDS_PER_LINE] = node * LINE_BYTES;
  for (uint32_t node = nodes - 1; node > 0; node--) {
    uint32_t other = below(node) * WORDS_PER_LINE, own = node * WORDS_PER_LINE;
    uint32_t address = words[own];
    words[own] = words[other];
    words[other] = address;
  }
}

#define FOLLOW at = *(const uint32_t *)(base + at);
#define FOLLOW_4 FOLLOW FOLLOW FOLLOW FOLLOW

__attribute__((noinline)) static uint32_t chase(const char *base, uint32_t at, uint64_t steps) {
  for (; steps > 0; steps -= 16) {
    FOLLOW_4 FOLLOW_4 FOLLOW_4 FOLLOW_4
  }
  return at;
}

static uint64_t round_up_16(double steps) { return ((uint64_t)steps + 15) / 16 * 16; }

static double time_set(const char *base, uint32_t nodes, int repetitions, double repetition_ns) {
  uint32_t at = chase(base, 0, round_up_16(nodes < 4096 ? 4096 : nodes > 524288 ? 524288 : nodes));
  double start = now_ns();
  at = chase(base, at, 4096);
  double steps = repetition_ns / ((now_ns() - start) / 4096);
  uint64_t whole = round_up_16(steps < 4096 ? 4096 : steps > 67108864 ? 67108864 : steps);
  double least = 1e300;
  for (int repetition = 0; repetition < repetitions; repetition++) {
    start = now_ns();
    at = chase(base, at, whole);
    double load_ns = (now_ns() - start) / (double)whole;
    if (load_ns < least) least = load_ns;
  }
  /* Where the chase ended is used, so that no compiler leaves it out. */
  return at == UINT32_MAX ? -1 : least;
}

int main(int count, char **arguments) {
  if (count < 4) return 2;
  int repetitions = atoi(arguments[1]);
  double repetition_ns = strtod(arguments[2], NULL);
  size_t largest = 0;
  for (int i = 3; i < count; i++) {
    size_t bytes = strtoull(arguments[i], NULL, 10);
    if (bytes > largest) largest = bytes;
  }
  char *memory = mmap(NULL, largest, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  for (int i = 3; i < count; i++) {
    size_t bytes = strtoull(arguments[i], NULL, 10);
    uint32_t nodes = (uint32_t)(bytes / LINE_BYTES);
    write_cycle((uint32_t *)memory, nodes);
    printf("%zu %.4f\n", bytes, time_set(memory, nodes, repetitions, repetition_ns));
  }
  return 0;
}
