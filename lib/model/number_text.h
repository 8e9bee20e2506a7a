// One spelling for each number, so that equal numbers are one value of a breakdown.
#pragma once

#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// The spelling of what a number of JSON is, as a decimal and exactly: "7" of 7.0 and 7e0, "1.5" of
// 1.50, "0" of -0. Without an exponent where that takes at most 40 characters and a sign, else as
// "1.25e-60". It points into `number` or `scratch`. O(size); copies nothing but numbers with an
// exponent and very long ones.
std::string_view OneSpelling(std::string_view number, std::string* scratch);

}  // namespace v1
}  // namespace insightflow
