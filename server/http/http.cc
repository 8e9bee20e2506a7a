#include "server/http/http.h"

#include <algorithm>
#include <array>

namespace insightflow::server {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// In a query a plus is a space; an escape that is broken stands for itself.
std::string DecodeQuery(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  std::optional<std::string> decoded = PercentDecode(spaced);
  return decoded ? *std::move(decoded) : spaced;
}

void AppendJsonString(std::string* out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out->append({'\\', c});
    } else if (byte < 0x20 || byte == 0x7f) {
      out->append("\\u00");
      out->append({kHex[byte >> 4], kHex[byte & 15]});
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Lower(x) == Lower(y); });
}

std::optional<std::string_view> HttpHeaders::Find(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return std::nullopt;
}

void HttpHeaders::Set(std::string name, std::string value) {
  std::erase_if(fields, [&](const auto& field) { return EqualsIgnoreCase(field.first, name); });
  fields.emplace_back(std::move(name), std::move(value));
}

namespace {

struct SentParam {
  std::string name;
  std::string_view value;  // as sent
};

std::vector<SentParam> ParamsOf(std::string_view target) {
  std::vector<SentParam> params;
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return params;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    params.push_back(
        {DecodeQuery(pair.substr(0, equals)), pair.substr(std::min(pair.size(), equals + 1))});
  }
  return params;
}

}  // namespace

std::optional<std::string> HttpRequest::Param(std::string_view name) const {
  for (const SentParam& param : ParamsOf(target)) {
    if (param.name == name) return DecodeQuery(param.value);
  }
  return std::nullopt;
}

std::vector<std::string> HttpRequest::ParamNames() const {
  std::vector<std::string> names;
  for (SentParam& param : ParamsOf(target)) names.push_back(std::move(param.name));
  return names;
}

HttpResponse ErrorResponse(int status, std::string_view code, std::string_view message,
                           std::string_view request_id) {
  HttpResponse response;
  response.status = status;
  response.body = "{\"error\":{\"code\":";
  AppendJsonString(&response.body, code);
  response.body += ",\"message\":";
  AppendJsonString(&response.body, message);
  response.body += ",\"request_id\":";
  AppendJsonString(&response.body, request_id);
  response.body += "}}";
  return response;
}

std::string_view ReasonPhrase(int status) {
  struct Entry {
    int status;
    std::string_view reason;
  };
  static constexpr std::array<Entry, 32> kReasons = {{
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  }};
  const auto* found =
      std::find_if(kReasons.begin(), kReasons.end(), [&](auto& e) { return e.status == status; });
  return found == kReasons.end() ? "Unknown" : found->reason;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return decoded;
}

BodyWriter::~BodyWriter() { Send({}, Then::kBreakOff); }

void BodyWriter::Send(std::string bytes, Then then) {
  const std::shared_ptr<Sink> sink = std::move(sink_);
  if (sink != nullptr) sink->SendPiece(std::move(bytes), then);
}

Responder::~Responder() {
  if (sink_ == nullptr) return;
  HttpResponse response;
  response.status = 500;
  Send(std::move(response));
}

void Responder::Send(HttpResponse response) {
  if (const std::shared_ptr<Sink> sink = std::move(sink_)) sink->Send(std::move(response));
}

}  // namespace insightflow::server
