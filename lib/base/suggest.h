// Words for a message about a name that is not known: what is allowed, and which was likely meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// "eq, ne or in"
std::string ListOf(std::span<const std::string_view> names);

// The one of `names` that `word` is likely a slip of; empty when none is near. O(names × length²)
// for words of at most 64 bytes; a longer one is near to nothing.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> names);

// `word` cut and without control characters, as a message may show it; then in quotes.
std::string Shown(std::string_view word);
std::string Quoted(std::string_view word);

// "eq, ne or in; did you mean eq?"
std::string Allowed(std::string_view word, std::span<const std::string_view> names);

// "\"equals\" is not known: eq, ne or in; did you mean eq?"
std::string UnknownName(std::string_view word, std::span<const std::string_view> names);

}  // namespace v1
}  // namespace insightflow
