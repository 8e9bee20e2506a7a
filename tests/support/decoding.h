// What tests of the decoders share: a context, a decoder's answer in one piece, minimal events.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/decode/decoder.h"

namespace insightflow::testing {

inline constexpr std::int64_t kNow = 1'700'000'000'000;
inline constexpr std::uint64_t kHashSeed = 42;

inline DecodeContext Context() {
  DecodeContext context;
  context.received_ms = kNow;
  context.hash_seed = kHashSeed;
  return context;
}

struct Decoded {
  Status status;
  DecodedBatch out;

  std::string_view Text(Field field, std::size_t row = 0) const {
    return out.batch.Text(field, row);
  }
  std::string_view Extra(std::size_t row = 0) const { return out.batch.extra_data.At(row); }
  // "code field" of a rejection, or "accepted".
  std::string Verdict(std::size_t i = 0) const {
    if (!status.ok()) return status.ToString();
    if (i >= out.rejected.size()) return "accepted";
    const Rejection& why = out.rejected[i].why;
    return std::string(RejectCodeName(why.code)) + " " + why.field;
  }
};

// What must hold after every call, whatever the input.
inline void ExpectAccounted(const DecodedBatch& out) {
  EXPECT_EQ(out.received, out.batch.rows + out.rejected.size());
  EXPECT_LE(out.truncated, out.batch.rows);
  EXPECT_EQ(out.batch.time_ms.size(), out.batch.rows);
  EXPECT_EQ(out.batch.keys.size(), out.batch.rows);
  for (std::size_t i = 0; i < out.rejected.size(); ++i) {
    if (i > 0) {
      EXPECT_LT(out.rejected[i - 1].why.index, out.rejected[i].why.index);
    }
    EXPECT_LE(out.rejected[i].raw.size(), 4096u);
    EXPECT_FALSE(out.rejected[i].why.message.empty());
  }
}

inline Decoded DecodeJson(std::string_view body, const DecodeContext& context = Context()) {
  Decoded decoded;
  decoded.status = Decoder().DecodeJson(body, context, &decoded.out);
  ExpectAccounted(decoded.out);
  if (!decoded.status.ok()) {
    EXPECT_EQ(decoded.out.received, 0u);
  }
  return decoded;
}

inline Decoded DecodeNdjson(std::string_view lines, const DecodeContext& context = Context()) {
  Decoded decoded;
  Decoder().DecodeNdjson(lines, 1, context, &decoded.out);
  ExpectAccounted(decoded.out);
  return decoded;
}

inline Decoded DecodeCombined(std::string_view lines, const DecodeContext& context = Context()) {
  Decoded decoded;
  Decoder().DecodeCombined(lines, 1, context, &decoded.out);
  ExpectAccounted(decoded.out);
  return decoded;
}

inline constexpr std::string_view kMinimalMembers =
    R"("user_id":"u","session_id":"s","event_type":"view","page_url":"/p",)"
    R"("timestamp":1699999999000)";

// A valid event with further members.
inline std::string EventWith(std::string_view members) {
  return "{" + std::string(kMinimalMembers) + (members.empty() ? "" : ",") + std::string(members) +
         "}";
}

// A valid event but for one field's value: of equal keys the first one counts.
inline std::string EventBut(std::string_view field, std::string_view value) {
  return "{\"" + std::string(field) + "\":" + std::string(value) + "," +
         std::string(kMinimalMembers) + "}";
}

inline std::string Repeat(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace insightflow::testing
