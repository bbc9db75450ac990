// What the world outside Proxmox has been told: names, letters, topics, logs.

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "consumers/proxmox/tasks.h"
#include "tests/live/datacentre_checks.h"
#include "topics/catalogue.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view zones[] = {
    "example.com", "20.172.in-addr.arpa", "0.30.10.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"};

// What stands in the body behind "Password: ".
std::string line_after(const std::string& body, const std::string& label) {
    const std::size_t at = body.find(label);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + label.size();
    return body.substr(begin, body.find('\n', begin) - begin);
}

std::string without_dot(std::string name) {
    if (name.ends_with('.')) name.pop_back();
    return name;
}

}  // namespace

// As ask_dns() prints them: "vm-1.example.com 300 A 172.20.0.10".
std::set<std::string> Survey::wanted_records() const {
    std::set<std::string> records;
    for (const Found& found : found_) {
        const std::string domain = domain_of(found.row.service_id);
        std::set<IpVersion> seen;
        for (const HeldAddress& held : found.holdings.addresses) {
            const IpVersion version = held.address.version();
            if (seen.insert(version).second)  // the primary one
                records.insert(fmt::format("{} 300 {} {}",
                                           domain,
                                           version == IpVersion::V4 ? "A" : "AAAA",
                                           print_address(held.address)));
            records.insert(fmt::format("{} 300 PTR {}", reverse_name(held.address), domain));
        }
    }
    return records;
}

std::set<std::string> Survey::records_in(const std::string& zone) {
    const HttpAnswer answer = http_.send(
        {.method = "GET",
         .url = fmt::format(
             "{}/api/v1/servers/localhost/zones/{}.", datacentre_.power_dns().url(), zone),
         .headers = {{.name = "X-API-Key", .value = datacentre_.power_dns().api_key()}}});
    std::set<std::string> records;
    const auto content = nlohmann::json::parse(answer.body);
    for (const auto& set : content.at("rrsets")) {
        const std::string type = set.at("type");
        if (type != "A" && type != "AAAA" && type != "PTR") continue;
        for (const auto& record : set.at("records"))
            records.insert(fmt::format("{} {} {} {}",
                                       without_dot(set.at("name")),
                                       set.at("ttl").get<int>(),
                                       type,
                                       without_dot(record.at("content"))));
    }
    return records;
}

std::string Survey::wrong_names() {
    Wrongs wrongs;
    std::set<std::string> has;
    for (const std::string_view zone : zones) has.merge(records_in(std::string(zone)));
    const std::set<std::string> wanted = wanted_records();
    for (const std::string& record : has)
        if (!wanted.contains(record)) wrongs.add("nobody wants {}", record);
    for (const std::string& record : wanted) {
        if (!has.contains(record)) wrongs.add("there is no {}", record);
        const std::string name = record.substr(0, record.find(' '));
        const std::string type = record.substr(record.find(' ') + 5);
        const auto served = datacentre_.power_dns().ask(name, type.substr(0, type.find(' ')));
        if (served != std::vector{record})
            wrongs.add("{} is served as \"{}\"", record, fmt::join(served, "; "));
    }
    return wrongs.text();
}

Survey::Letters Survey::letters() {
    Letters result;
    Wrongs wrongs;
    std::map<std::string, std::vector<ArrivedLetter>> by_address;
    for (ArrivedLetter& letter : datacentre_.mail().letters()) {
        ++result.arrived;
        by_address[letter.to].push_back(std::move(letter));
    }
    std::map<std::string, int> attempts;
    for (const std::string& row : sql(datacentre_,
                                      "SELECT service_id, attempts, sent_at IS NOT NULL, error "
                                      "FROM letter ORDER BY 1")) {
        const std::size_t bar = row.find('|');
        attempts[row.substr(0, bar)] = std::atoi(row.c_str() + bar + 1);
        if (!row.ends_with("|t|")) wrongs.add("a letter is not sent: {}", row);
    }
    for (const Found& found : found_) {
        const std::string& service = found.row.service_id;
        const std::vector<ArrivedLetter> arrived = by_address[email_of(service)];
        by_address.erase(email_of(service));
        if (arrived.empty()) {
            wrongs.add("{} has had no letter", service);
            continue;
        }
        result.repeats += arrived.size() - 1;
        if (arrived.size() > 1 && attempts[service] < 2)
            wrongs.add("{} letters came to {} of one attempt", arrived.size(), service);
        const std::string id =
            fmt::format("<survive/{}/{}/ready@example.com>", service, found.row.run);
        std::vector<std::string> ips;
        for (const HeldAddress& held : found.holdings.addresses)
            ips.push_back(print_address(held.address));
        result.passwords[service] = line_after(arrived.front().body, "Password: ");
        for (const ArrivedLetter& letter : arrived) {
            if (letter.id != id) wrongs.add("{} has a letter {}, not {}", service, letter.id, id);
            if (letter.subject != domain_of(service) + " is ready" ||
                line_after(letter.body, "Addresses: ") != fmt::format("{}", fmt::join(ips, ", ")) ||
                line_after(letter.body, "User: ") != "debian" ||
                line_after(letter.body, "Password: ").size() < 12 ||
                letter.body != arrived.front().body)
                wrongs.add("{} has been written:\n{}\n{}", service, letter.subject, letter.body);
        }
    }
    for (const auto& [address, arrived] : by_address)
        wrongs.add("{} letters to {}", arrived.size(), address);
    result.wrong = wrongs.text();
    return result;
}

std::string Survey::left_over() {
    Wrongs wrongs;
    // What is in the hands of a VM that stands elsewhere goes with the next sweep.
    const auto count = [&](const char* table) {
        return sql(datacentre_, fmt::format("SELECT count(*) FROM {}", table)).at(0);
    };
    wait_until([&] { return count("slot") == "0" && count("slot_wait") == "0"; }, 15s);
    for (const char* table : {"slot", "slot_wait"})
        if (count(table) != "0") wrongs.add("{} rows in {}", count(table), table);
    for (const std::string& row : sql(datacentre_,
                                      "SELECT service_id, result, error FROM run "
                                      "WHERE result <> 'success' OR ended IS NULL"))
        wrongs.add("a run: {}", row);
    for (const std::string& row :
         sql(datacentre_, "SELECT service_id, count(*) FROM run GROUP BY 1 HAVING count(*) <> 1"))
        wrongs.add("runs of {}", row);
    for (const char* node : {"pve1", "pve2", "pve3", "pve4"})
        for (const TaskStatus& task : task_list(pve_, node, {.most = 100, .running = true}))
            wrongs.add("a task runs: {}", task.upid.text);
    return wrongs.text();
}

std::vector<std::string> sql(Datacentre& datacentre, const std::string& statement) {
    const TempFolder folder;
    const auto file = folder.path() / "rows";
    run_to_end({.program = find_program("psql"),
                .arguments = {datacentre.slipway().database_url(), "-X", "-At", "-c", statement},
                .output = file},
               60s);
    const std::string text = read_from(file, 0);
    std::vector<std::string> rows;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        rows.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return rows;
}

std::string told_secrets(Datacentre& datacentre,
                         const std::vector<std::string>& secrets,
                         const std::vector<const SlipwayProcess*>& processes) {
    Wrongs wrongs;
    std::map<std::string, std::string> places;
    for (std::size_t i = 0; i < processes.size(); ++i) {
        places[fmt::format("what process {} says", i)] = processes[i]->output();
        places[fmt::format("the log of process {}", i)] = processes[i]->errors();
    }
    for (const CatalogueTopic& topic : load_catalogue({}, "").topics) {
        TopicReader reader(datacentre.slipway().bus(), datacentre.slipway().topic(topic.name));
        if (!reader.read_all(60s)) wrongs.add("{} could not be read to its end", topic.name);
        std::string& text = places["topic " + topic.name];
        for (const Received& received : reader.messages()) {
            text += received.message.key + "\n" + received.message.body + "\n";
            for (const Header& header : received.message.headers) text += header.value + "\n";
        }
    }
    const TempFolder folder;
    const auto dump = folder.path() / "dump";
    run_to_end({.program = find_program("pg_dump"),
                .arguments = {datacentre.slipway().database_url(), "--data-only"},
                .output = dump},
               60s);
    places["the database"] = read_from(dump, 0);
    for (const auto& [place, text] : places)
        for (const std::string& secret : secrets)
            if (const std::size_t at = text.find(secret); at != std::string::npos)
                wrongs.add(
                    "a secret stands in {}: …{}", place, text.substr(at < 150 ? 0 : at - 150, 200));
    return wrongs.text();
}

}  // namespace slipway
