#include "server/app/check.h"

#include <unistd.h>

#include <cstdio>

#include "server/app/json.h"
#include "server/app/report.h"

namespace insightflow::server {

std::string CheckTable(const CheckReport& report) {
  char rows[160];
  std::snprintf(
      rows, sizeof rows, "records  %15llu\nevents   %15llu\nbytes    %15llu\nsegments %15llu\n",
      static_cast<unsigned long long>(report.records),
      static_cast<unsigned long long>(report.events), static_cast<unsigned long long>(report.bytes),
      static_cast<unsigned long long>(report.segments));
  std::string table = rows;
  for (const std::string& line : report.damage) table += "damaged: " + line + "\n";
  if (report.damage.empty()) table += "ok\n";
  return table;
}

std::string CheckJson(const CheckReport& report) {
  JsonText json;
  json.BeginObject().Key("records").Number(report.records);
  json.Key("events").Number(report.events).Key("bytes").Number(report.bytes);
  json.Key("segments").Number(report.segments);
  json.Key("damage").BeginArray();
  for (const std::string& line : report.damage) json.Text(line);
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

int Check(const CheckSettings& settings) {
  const Result<CheckReport> report = CheckStore(settings.data);
  if (!report.ok()) return Fail(report.status());
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const std::string text = terminal ? CheckTable(*report) : CheckJson(*report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return Fail(Internal("stdout takes no more"));
  return report->damage.empty() ? 0 : kFailed;
}

}  // namespace insightflow::server
