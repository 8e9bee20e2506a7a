// Whether a text that may be anything mentions a user.
#pragma once

#include <string_view>

namespace insightflow {
inline namespace v1 {

// Whether `text` has the id as a word of its own, with no ASCII letter, digit, '_' or '-' beside
// it: as it is, in escapes of JSON however deep, or with the quotes of a CSV cell. The text may be
// cut anywhere and need not be JSON. An id that was cut itself is not found. O(text), times the
// levels of escapes.
bool MentionsUser(std::string_view text, std::string_view user_id);

}  // namespace v1
}  // namespace insightflow
