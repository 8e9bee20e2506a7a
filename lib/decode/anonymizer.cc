#include "lib/decode/anonymizer.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>

#include "lib/base/coding.h"
#include "lib/validate/address.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kIdBytes = 8;

// Ids, addresses and agents name the sender, titles and element texts may greet them by name.
// page_url and referrer are cut as well.
constexpr std::array kKept = {Field::kEventType, Field::kPageUrl,   Field::kReferrer,
                              Field::kElement,   Field::kElementId, Field::kElementClass};

// Each use of the store's seed has a key of its own, so that one tells nothing of another.
std::string KeyFor(std::string_view use, std::uint64_t seed) {
  std::string key(use);
  PutFixed(&key, seed);
  return key;
}

std::int64_t UtcDay(std::int64_t time_ms) {
  return std::chrono::floor<std::chrono::days>(std::chrono::milliseconds(time_ms)).count();
}

// A URL without what can carry an id: user and password, path parameters such as ;jsessionid=,
// query and fragment.
std::string_view SiteAndPath(std::string_view url, std::string* scratch) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t slashes = url.find("//");
  if (slashes == 0 || (slashes != std::string_view::npos && url[slashes - 1] == ':')) {
    const std::size_t begin = slashes + 2;
    const std::string_view authority = url.substr(begin, url.find_first_of("/\\", begin) - begin);
    const std::size_t at = authority.rfind('@');
    if (at != std::string_view::npos) {
      scratch->assign(url.substr(0, begin)).append(url.substr(begin + at + 1));
      url = *scratch;
    }
  }
  return url.substr(0, url.find(';'));
}

}  // namespace

Anonymizer::Anonymizer(const DecodeContext& context)
    : context_(context),
      user_hash_(KeyFor("insightflow anonymous user", context.hash_seed)),
      key_hash_(KeyFor("insightflow anonymous event", context.hash_seed)) {}

Hash128 Anonymizer::KeyFrom(const Hash128& key) const {
  if (key == Hash128{}) return key;
  std::string sent;
  PutFixed(&sent, key.low);
  PutFixed(&sent, key.high);
  const HmacDigest digest = key_hash_.Of(sent);
  Hash128 stored;
  static_assert(sizeof stored <= sizeof digest);
  std::memcpy(&stored, digest.data(), sizeof stored);
  return stored;
}

void Anonymizer::SetSender(std::string_view address, std::string_view agent) {
  if (!id_.empty() && address == address_ && agent == agent_) return;
  address_ = address;
  agent_ = agent;
  std::string sender;
  PutFixed(&sender, UtcDay(context_.received_ms));
  PutBytes(&sender, TruncateAddress(address));
  PutBytes(&sender, agent);
  const HmacDigest digest = user_hash_.Of(sender);
  constexpr std::string_view kDigits = "0123456789abcdef";
  id_ = "anonymous-";
  for (std::size_t i = 0; i < kIdBytes; ++i) {
    id_.push_back(kDigits[digest[i] >> 4]);
    id_.push_back(kDigits[digest[i] & 15]);
  }
}

void Anonymizer::Apply(EventDraft* draft) {
  const bool connected = !context_.client_address.empty() || !context_.user_agent.empty();
  if (connected) {
    SetSender(context_.client_address, context_.user_agent);
  } else {
    SetSender(draft->at(Field::kIpAddress), draft->at(Field::kUserAgent));
  }
  EventDraft kept;
  kept.time_ms = draft->time_ms;
  kept.position_x = draft->position_x;
  kept.position_y = draft->position_y;
  for (const Field field : kKept) kept.at(field) = draft->at(field);
  kept.at(Field::kPageUrl) = SiteAndPath(kept.at(Field::kPageUrl), &page_);
  kept.at(Field::kReferrer) = SiteAndPath(kept.at(Field::kReferrer), &referrer_);
  kept.at(Field::kUserId) = kept.at(Field::kSessionId) = id_;
  *draft = kept;
}

}  // namespace v1
}  // namespace insightflow
