// Client addresses are stored without the part that names a person's line.
#pragma once

#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// The network of an IPv4 (/24) or IPv6 (/48) address in its canonical text form: "203.0.113.0",
// "2001:db8:1::". An IPv4 address mapped into IPv6 is taken as IPv4; a zone ("%eth0") is left off.
// Empty when `address` is none.
std::string TruncateAddress(std::string_view address);

}  // namespace v1
}  // namespace insightflow
