#include "lua/digest.h"

#include <lauxlib.h>
#include <openssl/evp.h>

#include "lua/secret.h"

/* sha256(text) -> 64 hex digits; of a secret, too. */
static int l_digest_sha256(lua_State *L) {
  static const char digits[] = "0123456789abcdef";
  size_t length;
  const char *text = to_wire_text(L, 1, &length);
  luaL_argexpected(L, text, 1, "string or secret");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size;
  if (!EVP_Digest(text, length, digest, &size, EVP_sha256(), NULL))
    return luaL_error(L, "SHA-256 is not to be had of this OpenSSL");
  char hex[2 * EVP_MAX_MD_SIZE];
  for (unsigned int i = 0; i < size; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * (size_t)size);
  return 1;
}

int luaopen_anyreach_digest(lua_State *L) {
  static const luaL_Reg functions[] = {{"sha256", l_digest_sha256}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
