/* Writes Lua files as a C table of embedded files to standard output: build tool, run by make.
 * Usage: embed FILE...   Names are kept as given; the order is sorted, so that the output depends
 * on the contents alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void die(const char *name) {
  perror(name);
  exit(1);
}

static size_t write_bytes(const char *name, int number) {
  FILE *file = fopen(name, "rb");
  if (!file) die(name);
  printf("static const unsigned char file_%d[] = {", number);
  size_t length = 0;
  for (int c; (c = getc(file)) != EOF; length++) printf("%s%d,", length % 24 ? "" : "\n", c);
  if (ferror(file)) die(name);
  fclose(file);
  printf("%s};\n", length ? "" : "0");
  return length;
}

int main(int count, char **names) {
  size_t *lengths = calloc((size_t)count, sizeof *lengths);
  if (!lengths) die("embed");
  qsort(names + 1, (size_t)count - 1, sizeof *names, compare);
  puts("#include \"lua/modules.h\"\n");
  for (int i = 1; i < count; i++) lengths[i] = write_bytes(names[i], i);
  puts("\nconst struct embedded_file embedded_files[] = {");
  for (int i = 1; i < count; i++) printf("  {\"%s\", file_%d, %zu},\n", names[i], i, lengths[i]);
  printf("};\nconst size_t embedded_file_count = %d;\n", count - 1);
  free(lengths);
  return 0;
}
