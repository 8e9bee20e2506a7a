// Events of clients that ask not to be tracked: still counted, but nothing is kept of them that
// tells whose they are. What is kept is listed, so that a new field is left out until it is judged.
//
// Not thread-safe. One batch each; the context's views must live as long.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/hash.h"
#include "lib/base/hmac.h"
#include "lib/decode/decoder.h"
#include "lib/validate/event_draft.h"

namespace insightflow {
inline namespace v1 {

class Anonymizer {
 public:
  explicit Anonymizer(const DecodeContext& context);

  // The dedupe key to store in place of one made from what was sent: the same for the same, and not
  // to be turned back. {0, 0}, no key, stays.
  Hash128 KeyFrom(const Hash128& key) const;

  // Keeps what is counted and puts the batch's anonymous id in place of user and session. Takes a
  // draft that has passed CheckDraft and ApplyLifted; its views live until the next call.
  void Apply(EventDraft* draft);

 private:
  // The connection names address and agent; where it names neither, the event does.
  void SetSender(std::string_view address, std::string_view agent);

  const DecodeContext& context_;
  const HmacSha256 user_hash_;
  const HmacSha256 key_hash_;
  std::string address_;  // of the id
  std::string agent_;
  std::string id_;
  std::string page_;
  std::string referrer_;
};

}  // namespace v1
}  // namespace insightflow
