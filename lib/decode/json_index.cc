#include "lib/decode/json_index.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kFirstCapacity = 64 * 1024;
// A larger index is given back when a smaller text follows.
constexpr std::size_t kKeptCapacity = 8u << 20;
constexpr std::size_t kDepth = 1;  // only the second stage, which does not run, needs more

}  // namespace

class JsonIndex::Impl {
 public:
  Outcome Build(std::string_view text) {
    count_ = 0;
    if (text.empty()) return Outcome::kOk;
    if (!Reserve(text.size())) return Outcome::kNotJson;
    const auto error = parser_->stage1(reinterpret_cast<const std::uint8_t*>(text.data()),
                                       text.size(), simdjson::stage1_mode::regular);
    switch (error) {
      case simdjson::SUCCESS: count_ = parser_->n_structural_indexes; return Outcome::kOk;
      case simdjson::UTF8_ERROR: count_ = parser_->n_structural_indexes; return Outcome::kBadUtf8;
      case simdjson::EMPTY: parser_->structural_indexes[0] = End(text); return Outcome::kOk;
      default: return Outcome::kNotJson;
    }
  }

  const std::uint32_t* begin() const {
    return parser_ == nullptr ? &kNothing : parser_->structural_indexes.get();
  }
  const std::uint32_t* end() const { return begin() + count_; }

 private:
  static std::uint32_t End(std::string_view text) {
    return static_cast<std::uint32_t>(text.size());
  }

  bool Reserve(std::size_t size) {
    const bool fits = parser_ != nullptr && parser_->capacity() >= size;
    if (fits && parser_->capacity() <= std::max(size, kKeptCapacity)) return true;
    const std::size_t capacity = std::max(size, kFirstCapacity);
    parser_.reset();
    return simdjson::get_active_implementation()->create_dom_parser_implementation(
               capacity, kDepth, parser_) == simdjson::SUCCESS;
  }

  static constexpr std::uint32_t kNothing = 0;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
  std::uint32_t count_ = 0;
};

JsonIndex::JsonIndex() : impl_(std::make_unique<Impl>()) {}
JsonIndex::~JsonIndex() = default;
JsonIndex::JsonIndex(JsonIndex&&) noexcept = default;
JsonIndex& JsonIndex::operator=(JsonIndex&&) noexcept = default;

JsonIndex::Outcome JsonIndex::Build(std::string_view text) { return impl_->Build(text); }
const std::uint32_t* JsonIndex::begin() const { return impl_->begin(); }
const std::uint32_t* JsonIndex::end() const { return impl_->end(); }

}  // namespace v1
}  // namespace insightflow
