#include "support/heap_count.h"

#include "crypto/openssl.h"

#include <malloc.h>
#include <openssl/crypto.h>

static struct heap_count count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static void *gained(void *memory)
{
	count.blocks += memory != NULL;
	count.bytes += malloc_usable_size(memory);
	count.allocations++;
	return memory;
}

static void lost(void *memory)
{
	count.blocks -= memory != NULL;
	count.bytes -= malloc_usable_size(memory);
}

void *__wrap_malloc(size_t size)
{
	return gained(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
	return gained(__real_calloc(number, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	lost(memory);
	return gained(__real_realloc(memory, size));
}

void __wrap_free(void *memory)
{
	lost(memory);
	__real_free(memory);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_malloc(size);
}

static void *openssl_realloc(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_realloc(memory, size);
}

static void openssl_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	__wrap_free(memory);
}

bool heap_count_start(void)
{
	return CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1;
}

struct heap_count heap_count(void)
{
	return count;
}
