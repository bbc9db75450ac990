#include "tests/live/mail_server_process.h"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/consumers/http/scripted_server.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// Debian's package is for Debian's Python, which need not be the first on $PATH.
std::filesystem::path python_with_mail_server() {
    const TempFolder folder;
    for (const std::filesystem::path& python :
         {find_program("python3"), std::filesystem::path("/usr/bin/python3")}) {
        if (python.empty() || !std::filesystem::exists(python)) continue;
        try {
            run_to_end({.program = python,
                        .arguments = {"-c", "import aiosmtpd"},
                        .output = folder.path() / "output"},
                       20s);
            return python;
        } catch (const std::runtime_error&) {
            continue;
        }
    }
    return {};
}

// "Name: value" -> value.
std::string value_of(const std::string& line, std::string_view name) {
    if (!line.starts_with(name)) throw std::runtime_error("a letter has no " + std::string(name));
    return line.substr(name.size() + 2);
}

}  // namespace

std::optional<std::string> MailServerProcess::missing() {
    if (!python_with_mail_server().empty()) return std::nullopt;
    return "no python3 has aiosmtpd; install python3-aiosmtpd";
}

MailServerProcess::MailServerProcess() {
    make_certificate(file("key.pem"), file("certificate.pem"));
    process_ =
        std::make_unique<ChildProcess>(ChildOptions{.program = python_with_mail_server(),
                                                    .arguments = {"tests/live/mail_server.py",
                                                                  std::to_string(port_.number()),
                                                                  file("certificate.pem"),
                                                                  file("key.pem"),
                                                                  "slipway",
                                                                  "s3cret-of-mail"},
                                                    .output = file("output"),
                                                    .errors = file("errors")});
    if (!process_->wait_for_line("ready\n", 30s))
        throw std::runtime_error("the mail server did not start: " + process_->tail());
}

MailConfig MailServerProcess::config() const {
    return {.host = "127.0.0.1",
            .port = port_.number(),
            .security = MailSecurity::StartTls,
            .user = "slipway",
            .password = "s3cret-of-mail",
            .from = "Grüße & Co <noreply@example.com>",
            .ca_file = file("certificate.pem"),
            .timeout = 20s,
            .hello = "slipway.test"};
}

// As mail_server.py prints them: who to whom, four headers, the body, and two dashes.
std::vector<ArrivedLetter> MailServerProcess::letters() const {
    std::istringstream lines(read_from(file("output"), 0));
    std::vector<ArrivedLetter> letters;
    std::string line;
    std::getline(lines, line);  // ready
    while (std::getline(lines, line)) {
        ArrivedLetter letter;
        std::getline(lines, line);  // From
        std::getline(lines, line);
        letter.to = value_of(line, "To");
        std::getline(lines, line);
        letter.id = value_of(line, "Message-ID");
        std::getline(lines, line);
        letter.subject = value_of(line, "Subject");
        while (std::getline(lines, line) && line != "--") letter.body += line + "\n";
        if (line != "--") break;  // it is being written
        letters.push_back(std::move(letter));
    }
    return letters;
}

std::string MailServerProcess::stopped() {
    process_->stop(10s);
    return read_from(file("output"), 0);
}

}  // namespace slipway
