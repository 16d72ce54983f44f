#include "base/crc32c.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#include <asm/hwcap.h>
#endif

#define POLYNOMIAL UINT32_C(0x82f63b78)

/* Four bits at a time: a table small enough to check by eye, and the fallback only. */
#define STEP(x) ((x) >> 1 ^ ((x)&1 ? POLYNOMIAL : 0))
#define ENTRY(x) STEP(STEP(STEP(STEP((uint32_t)(x)))))
static const uint32_t table[16] = {ENTRY(0), ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5),
	ENTRY(6), ENTRY(7), ENTRY(8), ENTRY(9), ENTRY(10), ENTRY(11), ENTRY(12), ENTRY(13),
	ENTRY(14), ENTRY(15)};

static uint32_t extend_table(uint32_t crc, struct bytes b)
{
	crc = ~crc;
	for (size_t i = 0; i < b.size; i++) {
		crc ^= b.data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

uint32_t crc32c_table(struct bytes b)
{
	return extend_table(0, b);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t extend_instruction(uint32_t start, struct bytes b)
{
	uint64_t crc = ~start;
	size_t i = 0;
	for (; i + 8 <= b.size; i += 8) {
		uint64_t word;
		memcpy(&word, b.data + i, sizeof word);
		crc = _mm_crc32_u64(crc, word);
	}
	uint32_t tail = (uint32_t)crc;
	for (; i < b.size; i++)
		tail = _mm_crc32_u8(tail, b.data[i]);
	return ~tail;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
__attribute__((target("+crc"))) static uint32_t extend_instruction(uint32_t crc, struct bytes b)
{
	crc = ~crc;
	size_t i = 0;
	for (; i + 8 <= b.size; i += 8) {
		uint64_t word;
		memcpy(&word, b.data + i, sizeof word);
		crc = __crc32cd(crc, word);
	}
	for (; i < b.size; i++)
		crc = __crc32cb(crc, b.data[i]);
	return ~crc;
}

static bool has_instruction(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}
#else
static uint32_t extend_instruction(uint32_t crc, struct bytes b)
{
	return extend_table(crc, b);
}

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t crc32c_extend(uint32_t crc, struct bytes b)
{
	return has_instruction() ? extend_instruction(crc, b) : extend_table(crc, b);
}

uint32_t crc32c(struct bytes b)
{
	return crc32c_extend(0, b);
}
