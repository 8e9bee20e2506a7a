#include "lib/decode/access_log.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "lib/base/hash.h"
#include "lib/base/utf8.h"
#include "lib/decode/json_number.h"
#include "lib/decode/json_text.h"
#include "lib/validate/address.h"
#include "lib/validate/redact.h"
#include "lib/validate/time_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

// A user of an access log has the same id on every machine and in every store, for ever.
constexpr std::uint64_t kUserSeed = 0x696e736967687421;

// Sorted, lower case.
constexpr auto kResourceExtensions = std::to_array<std::string_view>({
    "7z",   "aac",  "apng", "avi", "avif", "bmp",   "bz2", "css",  "eot", "flac", "flv",
    "gif",  "gz",   "heic", "ico", "jpeg", "jpg",   "js",  "json", "m4a", "m4v",  "map",
    "mjs",  "mkv",  "mov",  "mp3", "mp4",  "mpeg",  "mpg", "oga",  "ogg", "ogv",  "opus",
    "otf",  "png",  "rar",  "svg", "tar",  "tgz",   "tif", "tiff", "ttf", "txt",  "wav",
    "weba", "webm", "webp", "wmv", "woff", "woff2", "xml", "xz",   "zip", "zst",
});

// Parts of agents that programs give themselves, lower case.
constexpr auto kBotNames = std::to_array<std::string_view>({
    "bot",
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "scrapy",
    "curl/",
    "wget/",
    "libwww",
    "python-",
    "python/",
    "java/",
    "go-http-",
    "okhttp",
    "httpclient",
    "node-fetch",
    "axios/",
    "ruby",
    "feed",
    "rss",
    "reader",
    "universalfeedparser",
    "newsblur",
    "monitor",
    "pingdom",
    "uptime",
    "check_http",
    "headless",
    "phantomjs",
    "preview",
    "validator",
    "facebookexternalhit",
    "mediapartners-google",
});

constexpr std::size_t kExtensionBytesMax = 5;

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Takes the text up to `end` and the `end` itself off the front of `rest`.
bool TakeUntil(std::string_view end, std::string_view* rest, std::string_view* taken) {
  const std::size_t at = rest->find(end);
  if (at == std::string_view::npos) return false;
  *taken = rest->substr(0, at);
  rest->remove_prefix(at + end.size());
  return true;
}

// Takes a field in quotes. Without its closing quote it runs to the end of the line.
bool TakeQuoted(std::string_view* rest, std::string_view* value, bool* closed) {
  if (!rest->starts_with('"')) return false;
  for (std::size_t i = 1; i < rest->size(); ++i) {
    if ((*rest)[i] == '\\') {
      ++i;
    } else if ((*rest)[i] == '"') {
      *value = rest->substr(1, i - 1);
      rest->remove_prefix(i + 1);
      *closed = true;
      return true;
    }
  }
  *value = rest->substr(1);
  *rest = {};
  *closed = false;
  return true;
}

// Of "address identity user", which stands there when the line begins with the site ("host:80"), as
// in Apache's vhost_combined; else empty. All visitors of a site would be one.
std::string_view AddressBehindSite(std::string_view identity) {
  if (identity.starts_with("- ")) return {};
  const std::string_view first = identity.substr(0, identity.find(' '));
  if (std::count(identity.begin(), identity.end(), ' ') < 2) return {};
  return TruncateAddress(first).empty() ? std::string_view() : first;
}

bool TakeStatus(std::string_view* rest, int* status) {
  if (rest->size() < 4 || (*rest)[3] != ' ') return false;
  *status = 0;
  for (const char c : rest->substr(0, 3)) {
    if (c < '0' || c > '9') return false;
    *status = *status * 10 + (c - '0');
  }
  rest->remove_prefix(4);
  return true;
}

bool IsByteCount(std::string_view bytes) {
  return bytes == "-" || (!bytes.empty() && bytes.size() <= 18 &&
                          bytes.find_first_not_of("0123456789") == std::string_view::npos);
}

// The text behind \" and \\; kept in `memory` where it differs.
std::string_view Unquote(std::string_view text, std::string* memory) {
  if (text.find('\\') == std::string_view::npos) return text;
  memory->clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    memory->push_back(text[i]);
  }
  return *memory;
}

struct Request {
  std::string_view method;  // empty when the request line is malformed
  std::string_view path;
  std::string_view query;
};

bool IsMethod(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// "http://host/path" to "/path", for requests through a proxy.
std::string_view WithoutOrigin(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t path = target.find_first_of("/?#", scheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
  }
  return target;
}

Request ParseRequest(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !IsMethod(line.substr(0, space))) return {{}, line, {}};
  std::string_view target = line.substr(space + 1);
  target = WithoutOrigin(target.substr(0, target.rfind(" HTTP/")));
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  Request request{line.substr(0, space), target.substr(0, mark), {}};
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  if (request.path.empty()) request.path = "/";
  return request;
}

void SetUserId(const AccessLogLine& line, std::string* user_id) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string both(line.address);
  both.push_back('\n');
  both.append(line.agent);
  const Hash128 hash = HashBytes128(both, kUserSeed);
  user_id->clear();
  for (const std::uint64_t half : {hash.high, hash.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) user_id->push_back(kHex[(half >> shift) & 15]);
  }
}

}  // namespace

bool ParseAccessLogLine(std::string_view line, AccessLogLine* parsed) {
  std::string_view rest = line;
  std::string_view identity;
  std::string_view time;
  bool closed = false;
  if (!TakeUntil(" ", &rest, &parsed->address) || parsed->address.empty() ||
      !TakeUntil(" [", &rest, &identity) || !TakeUntil("] ", &rest, &time)) {
    return false;
  }
  if (const std::string_view behind_site = AddressBehindSite(identity); !behind_site.empty()) {
    parsed->address = behind_site;
  }
  const auto time_ms = ParseLogTime(time);
  if (!time_ms) return false;
  parsed->time_ms = *time_ms;
  if (!TakeQuoted(&rest, &parsed->request, &closed) || !closed || !rest.starts_with(' ')) {
    return false;
  }
  rest.remove_prefix(1);
  if (!TakeStatus(&rest, &parsed->status) || !TakeUntil(" ", &rest, &parsed->bytes) ||
      !IsByteCount(parsed->bytes) || !TakeQuoted(&rest, &parsed->referrer, &closed) || !closed) {
    return false;
  }
  parsed->agent = {};
  if (rest.empty() || rest == " ") return true;
  if (!rest.starts_with(' ')) return false;
  rest.remove_prefix(1);
  return TakeQuoted(&rest, &parsed->agent, &closed);
}

std::string_view AccessLogEventType(int status, std::string_view path) {
  if (status >= 400) return "error";
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return "view";
  const std::string_view extension = name.substr(dot + 1);
  if (extension.size() > kExtensionBytesMax) return "view";
  char lower[kExtensionBytesMax];
  std::transform(extension.begin(), extension.end(), lower, LowerAscii);
  return std::binary_search(kResourceExtensions.begin(), kResourceExtensions.end(),
                            std::string_view(lower, extension.size()))
             ? "resource"
             : "view";
}

bool IsBotAgent(std::string_view agent) {
  std::string lower(agent);
  std::transform(lower.begin(), lower.end(), lower.begin(), LowerAscii);
  return std::any_of(kBotNames.begin(), kBotNames.end(), [&lower](std::string_view name) {
    return lower.find(name) != std::string::npos;
  });
}

Fault AccessLogReader::Read(std::string_view line, EventDraft* draft) {
  if (!IsUtf8(line)) {
    utf8_.clear();
    AppendAsUtf8(line, &utf8_);
    line = utf8_;
  }
  AccessLogLine parsed;
  if (!ParseAccessLogLine(line, &parsed)) {
    return {RejectCode::kBadLine, "", "the line is not in combined log format"};
  }
  draft->Reset();
  SetUserId(parsed, &user_id_);
  draft->at(Field::kUserId) = user_id_;
  draft->time_ms = parsed.time_ms;
  draft->at(Field::kIpAddress) = parsed.address;
  if (parsed.agent != "-") draft->at(Field::kUserAgent) = Unquote(parsed.agent, &agent_);

  const Request request = ParseRequest(Unquote(parsed.request, &request_));
  const bool malformed = request.method.empty();
  draft->at(Field::kPageUrl) = request.path.empty() ? "-" : request.path;
  draft->at(Field::kEventType) = AccessLogEventType(parsed.status, malformed ? "" : request.path);

  JsonObjectWriter extra(&extra_);
  if (!malformed) extra.Text("method", request.method);
  extra.Raw("status", std::to_string(parsed.status));
  const std::size_t digits = parsed.bytes.find_first_not_of("0-");
  extra.Raw("bytes", digits == std::string_view::npos ? "0" : parsed.bytes.substr(digits));
  if (!parsed.referrer.empty() && parsed.referrer != "-") {
    std::string_view referrer = Unquote(parsed.referrer, &referrer_);
    if (RedactUrl(referrer, &redacted_)) referrer = redacted_;
    draft->at(Field::kReferrer) = referrer_.assign(referrer);
    extra.Text("referrer", referrer);
  }
  if (!request.query.empty()) {
    const bool secret = RedactQuery(request.query, &redacted_);
    extra.Text("query", secret ? std::string_view(redacted_) : request.query);
  }
  if (IsBotAgent(draft->at(Field::kUserAgent))) extra.Raw("bot", "true");
  extra.Close();
  draft->extra_data = extra_;
  return {};
}

}  // namespace v1
}  // namespace insightflow
