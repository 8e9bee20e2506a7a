#include "lib/base/hmac.h"

#include <sodium.h>

namespace insightflow {
inline namespace v1 {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

HmacDigest HmacSha256::Of(std::string_view message) const {
  HmacDigest digest;
  static_assert(sizeof digest == crypto_auth_hmacsha256_BYTES);
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Bytes(key_), key_.size());
  crypto_auth_hmacsha256_update(&state, Bytes(message), message.size());
  crypto_auth_hmacsha256_final(&state, digest.data());
  return digest;
}

}  // namespace v1
}  // namespace insightflow
