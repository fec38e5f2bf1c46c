/* Writes files as a C table of embedded files to standard output: build tool, run by make. A Lua
 * file is also compiled, with the Lua that this program is linked with, so that an error of syntax
 * ends the build. Usage: embed FILE...   Names are kept as given; the order is sorted, so that the
 * output depends on the contents alone. */
#include <dlfcn.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/modules.h"

struct file {
  const char *name;
  size_t length, code_length;
};

static int compare_names(const void *a, const void *b) {
  return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void die(const char *name) {
  perror(name);
  exit(1);
}

static FILE *open_file(const char *name) {
  FILE *stream = fopen(name, "rb");
  if (!stream) die(name);
  return stream;
}

/* One byte of a string literal. A '?' could begin a trigraph. */
static void write_byte(unsigned char byte) {
  if (byte == '\n')
    fputs("\\n\"\n\"", stdout);
  else if (byte < ' ' || byte > '~' || strchr("\"\\?", byte))
    printf("\\%03o", byte);
  else
    putchar(byte);
}

static size_t write_text(const char *name, int number) {
  FILE *stream = open_file(name);
  size_t length = 0;
  printf("static const char text_%d[] = \"", number);
  for (int c; (c = getc(stream)) != EOF; length++) write_byte((unsigned char)c);
  puts("\";");
  if (ferror(stream)) die(name);
  fclose(stream);
  return length;
}

static const char *read_piece(lua_State *L, void *stream, size_t *length) {
  static char piece[BUFSIZ];
  (void)L;
  *length = fread(piece, 1, sizeof piece, stream);
  return *length ? piece : NULL;
}

static int write_piece(lua_State *L, const void *bytes, size_t length, void *total) {
  (void)L;
  for (size_t i = 0; i < length; i++) write_byte(((const unsigned char *)bytes)[i]);
  *(size_t *)total += length;
  return 0;
}

/* Compiled code with its line numbers and names, which messages need. Returns 0 for what is not
 * Lua. */
static size_t write_code(lua_State *L, const char *name, int number) {
  size_t length = 0, name_length = strlen(name);
  bool is_lua = name_length > 4 && strcmp(name + name_length - 4, ".lua") == 0;
  printf("static const char code_%d[] = \"", number);
  if (is_lua) {
    FILE *stream = open_file(name);
    const char *chunk = lua_pushfstring(L, EMBEDDED_CHUNK_PREFIX "%s", name);
    if (lua_load(L, read_piece, stream, chunk, "t") != LUA_OK) {
      fprintf(stderr, "%s\n", lua_tostring(L, -1));
      exit(1);
    }
    fclose(stream);
    lua_dump(L, write_piece, &length, false);
    lua_settop(L, 0);
  }
  puts("\";");
  return length;
}

static void write_table(const struct file *files, int count) {
  puts("\nconst struct embedded_file embedded_files[] = {");
  for (int i = 0; i < count; i++)
    printf("  {\"%s\", text_%d, %zu, code_%d, %zu},\n", files[i].name, i, files[i].length, i,
           files[i].code_length);
  printf("};\nconst size_t embedded_file_count = %d;\n", count);
}

int main(int count, char **names) {
  struct file *files = calloc((size_t)count, sizeof *files);
  lua_State *L = luaL_newstate();
  if (!files || !L) die("embed");
  for (int i = 1; i < count; i++) files[i - 1].name = names[i];
  qsort(files, (size_t)count - 1, sizeof *files, compare_names);
  puts("#include \"lua/modules.h\"\n");
  for (int i = 0; i < count - 1; i++) {
    files[i].length = write_text(files[i].name, i);
    files[i].code_length = write_code(L, files[i].name, i);
  }
  write_table(files, count - 1);
  const char *release = dlsym(RTLD_DEFAULT, "lua_ident");
  printf("const char embedded_lua[] = \"%s\";\n", release ? release : "");
  lua_close(L);
  free(files);
  return 0;
}
