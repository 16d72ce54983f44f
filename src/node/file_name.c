#include "node/file_name.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What Windows opens instead of a file of this name, with any extension: a file may travel on, to a
 * disk of such a machine. */
static const char *const devices[] = {"con", "prn", "aux", "nul", "com0", "com1", "com2", "com3",
	"com4", "com5", "com6", "com7", "com8", "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4",
	"lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "conin$", "conout$"};

static bool is_device(const char *name)
{
	size_t size = strcspn(name, ".");
	while (size > 0 && name[size - 1] == ' ')
		size--;
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		if (bytes_equal_text_ignoring_case(bytes_of(name, size), devices[i]))
			return true;
	}
	return false;
}

/* Control characters of Unicode beyond ASCII, and those that turn the direction of writing, by
 * which "exe.txt" can be shown for something else: U+0080 to U+009F, U+061C, U+200E, U+200F, U+2028
 * to U+202E, U+2066 to U+2069, U+FEFF. The text is valid UTF-8. */
static bool is_invisible(const unsigned char *c)
{
	if (c[0] == 0xc2)
		return c[1] < 0xa0;
	if (c[0] == 0xd8)
		return c[1] == 0x9c;
	if (c[0] == 0xe2 && c[1] == 0x80)
		return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae);
	if (c[0] == 0xe2 && c[1] == 0x81)
		return c[2] >= 0xa6 && c[2] <= 0xa9;
	return c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf;
}

static bool has_control(const char *name)
{
	for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
		if (*c < 0x20 || *c == 0x7f || is_invisible(c))
			return true;
	}
	return false;
}

const char *file_name_problem(const char *name)
{
	size_t size = strlen(name);
	if (size == 0)
		return "is empty";
	if (size > FILE_NAME_MAX)
		return "is too long";
	if (!utf8_is_valid(bytes_of_text(name)))
		return "is not UTF-8";
	if (has_control(name))
		return "has control characters";
	if (strpbrk(name, "/\\"))
		return "is a path";
	if (strpbrk(name, ":*?\"<>|"))
		return "has characters that not all systems allow";
	if (name[0] == '.')
		return "begins with a dot";
	if (name[0] == ' ' || name[size - 1] == ' ' || name[size - 1] == '.')
		return "begins or ends with a space, or ends with a dot";
	if (is_device(name))
		return "is that of a device";
	return NULL;
}

const char *file_path_problem(const char *path)
{
	size_t names = 0;
	if (strlen(path) > MESSAGE_FILE_NAME_MAX)
		return "is too long";
	for (const char *at = path;;) {
		char name[MESSAGE_FILE_NAME_MAX + 1];
		size_t size = strcspn(at, "/");
		(void)text_copy_bytes(name, sizeof name, bytes_of(at, size));
		const char *problem = file_name_problem(name);
		if (problem)
			return problem;
		if (++names > FILE_PATH_NAMES_MAX)
			return "has too many folders";
		if (!at[size])
			return NULL;
		at += size + 1;
	}
}

const char *file_path_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

bool file_name_numbered(const char *name, unsigned number, char *to, size_t capacity)
{
	const char *dot = strrchr(name, '.');
	size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	int size = number == 0 ? snprintf(to, capacity, "%s", name)
			       : snprintf(to, capacity, "%.*s (%u)%s", (int)stem, name, number,
					 name + stem);
	return size > 0 && (size_t)size < capacity;
}
