// Little-endian integers and varints for stored formats; big-endian for keys that must sort.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

static_assert(std::endian::native == std::endian::little, "stored formats are little-endian");

template <typename T>
void PutFixed(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline void PutVarint(std::string* out, std::uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

inline constexpr std::size_t kVarintBytesMax = 10;

// Writes a varint where there is room for kVarintBytesMax bytes; returns its end. Up to 8 bytes
// without a branch: where lengths vary, each would be guessed wrong.
inline char* StoreVarint(std::uint64_t value, char* out) {
  if (value >> 56 != 0) {
    for (; value >= 0x80; value >>= 7) *out++ = static_cast<char>(value | 0x80);
    *out++ = static_cast<char>(value);
    return out;
  }
  const int bytes = (std::bit_width(value | 1) + 6) / 7;
  // 7 bits a byte: first halves of 28 bits move apart, then quarters, then eighths.
  value = (value & 0x0fffffff) | (value & 0x00fffffff0000000) << 4;
  value = (value & 0x00003fff00003fff) | (value & 0x0fffc0000fffc000) << 2;
  value = (value & 0x007f007f007f007f) | (value & 0x3f803f803f803f80) << 1;
  value |= 0x8080808080808080 & ((std::uint64_t{1} << 8 * (bytes - 1)) - 1);
  std::memcpy(out, &value, sizeof value);
  return out + bytes;
}

inline void PutBytes(std::string* out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out->append(bytes);
}

inline void PutBigEndian64(std::string* out, std::uint64_t value) {
  PutFixed(out, __builtin_bswap64(value));
}

inline std::uint64_t LoadBigEndian64(const char* in) {
  std::uint64_t value;
  std::memcpy(&value, in, sizeof value);
  return __builtin_bswap64(value);
}

// Reads what the Put functions wrote. Every method returns false past the end and leaves the reader
// where it was, so that damaged input is refused and never read beyond.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  template <typename T>
  bool GetFixed(T* value) {
    if (in_.size() < sizeof(T)) return false;
    std::memcpy(value, in_.data(), sizeof(T));
    in_.remove_prefix(sizeof(T));
    return true;
  }

  bool GetVarint(std::uint64_t* value) {
    std::uint64_t result = 0;
    for (std::size_t i = 0; i < in_.size() && i < 10; ++i) {
      const std::uint64_t byte = static_cast<unsigned char>(in_[i]);
      if (i == 9 && byte > 1) return false;
      result |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        in_.remove_prefix(i + 1);
        *value = result;
        return true;
      }
    }
    return false;
  }

  bool GetRaw(std::size_t size, std::string_view* bytes) {
    if (in_.size() < size) return false;
    *bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return true;
  }

  bool GetBytes(std::string_view* bytes) {
    const std::string_view before = in_;
    std::uint64_t size;
    if (GetVarint(&size) && size <= in_.size() && GetRaw(size, bytes)) return true;
    in_ = before;
    return false;
  }

  std::size_t remaining() const { return in_.size(); }
  bool empty() const { return in_.empty(); }

 private:
  std::string_view in_;
};

}  // namespace v1
}  // namespace insightflow
