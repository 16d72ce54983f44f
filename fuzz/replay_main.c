/* The main() of a fuzz target where libFuzzer is not linked: every file of its corpus once, then a
 * fixed number of mutations of them from a fixed seed. So each build runs the targets as ordinary
 * tests under gcc too, and a crash that a longer fuzz run found becomes a regression test by adding
 * its input to the corpus.
 *
 *     replay-NAME CORPUS_DIR [MUTATIONS [SEED]] */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "base/text.h"
#include "fuzz.h"

#define INPUT_BYTES_MAX (1024 * 1024) /* a larger corpus file is refused: it would be slow */
#define CORPUS_FILES_MAX 4096
#define PATH_BYTES_MAX 4096
#define EDITS_MAX 8   /* changes made to one input */
#define GROWTH_MAX 64 /* bytes that all insertions into one input add at most */
#define MUTATIONS_DEFAULT 2000

struct corpus {
	struct bytes inputs[CORPUS_FILES_MAX];
	size_t count;
};

/* Inputs live in heap blocks of exactly their size, so that a read past the end is seen. */
static bool read_file(const char *name, struct bytes *ret_input)
{
	FILE *file = fopen(name, "rb");
	if (!file)
		return false;
	uint8_t *data = malloc(INPUT_BYTES_MAX + 1);
	CHECK(data);
	size_t size = fread(data, 1, INPUT_BYTES_MAX + 1, file);
	bool ok = !ferror(file) && size <= INPUT_BYTES_MAX;
	fclose(file);
	if (!ok) {
		free(data);
		return false;
	}
	uint8_t *exact = realloc(data, size > 0 ? size : 1);
	CHECK(exact);
	*ret_input = bytes_of(exact, size);
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their names, so that a run can be repeated on another file system. */
static bool corpus_load(struct corpus *corpus, const char *directory)
{
	DIR *dir = opendir(directory);
	if (!dir) {
		fprintf(stderr, "cannot open '%s': %s\n", directory, strerror(errno));
		return false;
	}
	char *names[CORPUS_FILES_MAX];
	size_t count = 0;
	bool ok = true;
	for (struct dirent *entry; (entry = readdir(dir)) && count < CORPUS_FILES_MAX;) {
		if (entry->d_name[0] == '.')
			continue;
		names[count] = text_duplicate(entry->d_name);
		CHECK(names[count]);
		count++;
	}
	closedir(dir);
	qsort(names, count, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < count; i++) {
		char path[PATH_BYTES_MAX];
		int length = snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		bool fits = length > 0 && (size_t)length < sizeof(path);
		if (fits && read_file(path, &corpus->inputs[corpus->count])) {
			corpus->count++;
		} else {
			fprintf(stderr, "cannot read '%s/%s'\n", directory, names[i]);
			ok = false;
		}
		free(names[i]);
	}
	return ok;
}

/* One change: flip a bit, set an interesting byte, cut, or insert. */
static size_t edit(uint8_t *data, size_t size, size_t capacity, struct rng *rng)
{
	static const uint8_t interesting[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '"', '{', '\r', '\n'};
	size_t at = size > 0 ? (size_t)rng_below(rng, size) : 0;
	switch (rng_below(rng, 5)) {
	case 0:
		if (size > 0)
			data[at] = (uint8_t)(data[at] ^ 1u << rng_below(rng, 8));
		return size;
	case 1:
		if (size > 0)
			data[at] = interesting[rng_below(rng, sizeof(interesting))];
		return size;
	case 2:
		if (size > 0)
			data[at] = (uint8_t)rng_u32(rng);
		return size;
	case 3:
		return at;
	default:
		if (size == capacity)
			return size;
		memmove(data + at + 1, data + at, size - at);
		data[at] = (uint8_t)rng_u32(rng);
		return size + 1;
	}
}

static void run_mutation(const struct corpus *corpus, struct rng *rng)
{
	struct bytes seed = {0};
	if (corpus->count > 0)
		seed = corpus->inputs[rng_below(rng, corpus->count)];
	size_t capacity = seed.size + GROWTH_MAX;
	uint8_t *work = malloc(capacity);
	CHECK(work);
	if (seed.size > 0)
		memcpy(work, seed.data, seed.size);
	size_t size = seed.size;
	for (uint64_t edits = 1 + rng_below(rng, EDITS_MAX); edits > 0; edits--)
		size = edit(work, size, capacity, rng);
	uint8_t *exact = realloc(work, size > 0 ? size : 1);
	CHECK(exact);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	uint64_t mutations = MUTATIONS_DEFAULT, seed = 1;
	if (argc < 2 || argc > 4 || (argc > 2 && !text_to_u64(argv[2], &mutations)) ||
		(argc > 3 && !text_to_u64(argv[3], &seed))) {
		fprintf(stderr, "usage: %s CORPUS_DIR [MUTATIONS [SEED]]\n", argv[0]);
		return 2;
	}
	static struct corpus corpus;
	bool ok = corpus_load(&corpus, argv[1]);
	const uint8_t nothing[1] = {0};
	LLVMFuzzerTestOneInput(nothing, 0);
	for (size_t i = 0; i < corpus.count; i++)
		LLVMFuzzerTestOneInput(corpus.inputs[i].data, corpus.inputs[i].size);
	struct rng rng = rng_seeded(seed);
	for (uint64_t i = 0; i < mutations; i++)
		run_mutation(&corpus, &rng);
	printf("%zu inputs, %llu mutations\n", corpus.count, (unsigned long long)mutations);
	for (size_t i = 0; i < corpus.count; i++)
		free((void *)(uintptr_t)corpus.inputs[i].data); /* ours; the view is const */
	return ok ? 0 : 1;
}
