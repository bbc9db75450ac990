#include "consumers/mail/smtp_mail.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "consumers/mail/smtp_talk.h"
#include "consumers/runtime/log.h"
#include "schema/base64.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds farewell_longest = std::chrono::seconds(2);
constexpr std::string_view no_host =
    "mail.host is not set, so no letter is sent; name a mail server in the configuration";

std::string host_name() {
    char name[256] = "";
    ::gethostname(name, sizeof name - 1);
    const std::string_view host = name;
    const bool plain = host.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                       std::string_view::npos;
    return host.empty() || !plain ? "localhost" : std::string(host);
}

std::string capitals(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

// What the server can do, from its answer to EHLO: "STARTTLS", "AUTH PLAIN LOGIN".
class Abilities {
  public:
    explicit Abilities(const SmtpReply& reply) {
        for (std::size_t i = 1; i < reply.lines.size(); ++i)
            lines_.push_back(capitals(reply.lines[i]) + " ");
    }
    bool has(std::string_view name) const { return !rest_of(name).empty(); }
    bool logs_in_by(std::string_view way) const {
        return rest_of("AUTH").find(fmt::format(" {} ", way)) != std::string::npos;
    }

  private:
    std::string rest_of(std::string_view name) const {
        for (const std::string& line : lines_)
            if (line.starts_with(name) && line[name.size()] == ' ') return line.substr(name.size());
        return {};
    }
    std::vector<std::string> lines_;
};

// What a refusal says of the letter.
enum class About {
    Us,  // the connection, the log-in, the sender: mended by people or by time
    TheLetter,
};

// What was said to the server, and the first digit of the answer that lets us go on.
struct Said {
    std::string_view what;
    int wanted = 2;
    About about = About::Us;
};

// 530 and 535 come wherever the server finds that it wants another log-in.
bool is_permanent(int code, About about) {
    return about == About::TheLetter && code / 100 == 5 && code != 530 && code != 535 &&
           code != 538;
}

void replace_all(std::string& text, std::string_view what) {
    if (what.empty()) return;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 3))
        text.replace(at, what.size(), "***");
}

// One letter on its way.
class Delivery {
  public:
    Delivery(const MailConfig& config, std::shared_ptr<TlsContext> tls, const TimeLimit& limit)
        : config_(config), tls_(std::move(tls)), talk_(connected(limit), limit) {}

    void run(const std::string& from, const std::string& to, const std::string& text) {
        expect({"connecting", 2}, talk_.read_reply());
        Abilities abilities = greet();
        const bool offered = abilities.has("STARTTLS");
        secure_ = config_.security == MailSecurity::Tls;
        if (config_.security == MailSecurity::StartTls ||
            (config_.security == MailSecurity::IfOffered && offered)) {
            if (!offered)
                throw Error("the mail server offers no STARTTLS, which mail.security asks for");
            expect({"STARTTLS", 2}, talk_.ask("STARTTLS"));
            talk_.begin_tls(config_.host, tls_);
            secure_ = true;
            abilities = greet();
        }
        if (!config_.user.empty()) log_in(abilities);
        expect({"MAIL FROM", 2}, talk_.ask(fmt::format("MAIL FROM:<{}>", from)));
        expect({"RCPT TO", 2, About::TheLetter}, talk_.ask(fmt::format("RCPT TO:<{}>", to)));
        expect({"DATA", 3, About::TheLetter}, talk_.ask("DATA"));
        hand_over(text);
    }

    // It has the letter: whatever becomes of the farewell changes nothing.
    void part() { talk_.quit(farewell_longest); }

  private:
    std::unique_ptr<Connection> connected(const TimeLimit& limit) const {
        return open_connection(
            {.tls = config_.security == MailSecurity::Tls,
             .host = config_.host,
             .port = static_cast<std::uint16_t>(config_.port)},
            config_.security == MailSecurity::Tls ? tls_ : std::shared_ptr<TlsContext>(),
            limit,
            config_.timeout);
    }

    Abilities greet() {
        const std::string name = config_.hello.empty() ? host_name() : config_.hello;
        return Abilities(expect({"EHLO", 2}, talk_.ask("EHLO " + name)));
    }

    void log_in(const Abilities& abilities) {
        if (!secure_ && config_.security != MailSecurity::Off)
            throw Error(
                "the mail server offers no STARTTLS, and mail.password is not sent in the "
                "clear; mail.security: off would");
        if (abilities.logs_in_by("PLAIN")) {
            expect({"AUTH PLAIN", 2}, talk_.ask("AUTH PLAIN " + plain_proof()));
        } else if (abilities.logs_in_by("LOGIN")) {
            expect({"AUTH LOGIN", 3}, talk_.ask("AUTH LOGIN"));
            expect({"AUTH LOGIN", 3}, talk_.ask(base64(config_.user)));
            expect({"AUTH LOGIN", 2}, talk_.ask(base64(config_.password)));
        } else {
            throw Error(
                "the mail server takes neither AUTH PLAIN nor AUTH LOGIN; without mail.user "
                "there is no log-in");
        }
    }

    void hand_over(const std::string& text) {
        talk_.write(dot_stuffed(text));
        talk_.write(".\r\n");
        SmtpReply reply;
        try {
            reply = talk_.read_reply();
        } catch (const std::exception& error) {
            throw Error(fmt::format("{}; the letter was sent whole, and may have been taken",
                                    error.what()));
        }
        expect({"the letter", 2, About::TheLetter}, reply);
    }

    std::string plain_proof() const {
        return base64(std::string(1, '\0') + config_.user + std::string(1, '\0') +
                      config_.password);
    }

    SmtpReply expect(const Said& said, const SmtpReply& reply) const {
        if (reply.code / 100 == said.wanted) return reply;
        std::string text = fmt::format("{}: {}", said.what, reply.text());
        if (!config_.password.empty()) {
            replace_all(text, plain_proof());
            replace_all(text, base64(config_.password));
            replace_all(text, config_.password);
        }
        throw MailError(text, is_permanent(reply.code, said.about));
    }

    const MailConfig& config_;
    const std::shared_ptr<TlsContext> tls_;
    SmtpTalk talk_;
    bool secure_ = false;
};

}  // namespace

SmtpMail::SmtpMail(const MailConfig& config, const Clock& clock)
    : config_(config), clock_(clock), from_(parse_mailbox(config.from)) {
    if (config.security != MailSecurity::Off)
        tls_ = make_tls_context(
            {.ca_file = config.ca_file, .sha256 = config.fingerprint, .anybody = !config.verify});
}

void SmtpMail::send(const Letter& letter) {
    const std::string text = message_text(letter, from_, clock_.now());
    const std::string server =
        HttpTarget{.host = config_.host, .port = static_cast<std::uint16_t>(config_.port)}
            .authority();
    const TimeLimit limit{clock_, clock_.since_boot() + config_.timeout};
    try {
        Delivery delivery(config_, tls_, limit);
        delivery.run(from_.address, letter.to, text);
        delivery.part();
    } catch (const MailError& error) {
        throw MailError(fmt::format("{}: {}", server, error.what()), error.permanent);
    } catch (const std::exception& error) {
        throw MailError(fmt::format("{}: {}", server, error.what()), false);
    }
}

void NoMail::send(const Letter&) {
    throw MailError(std::string(no_host), false);
}

std::unique_ptr<Mail> open_mail(const MailConfig& config, const Clock& clock) {
    if (!config.host.empty()) return std::make_unique<SmtpMail>(config, clock);
    log(Level::Warning, "letters to customers are kept and not sent", {{"why", no_host}});
    return std::make_unique<NoMail>();
}

}  // namespace slipway
