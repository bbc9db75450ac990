#include "consumers/http/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "consumers/http/socket.h"
#include "consumers/runtime/check.h"

namespace slipway {

class TlsContext {
  public:
    explicit TlsContext(const HttpTrust& trust);

    SSL_CTX* get() const { return context_.get(); }
    // Throws Error if whoever has answered is not whom we trust.
    void check_peer(SSL* ssl) const;
    void expect_host(SSL* ssl, const std::string& host) const;

  private:
    const std::vector<std::string> believed_;  // fingerprints; the authorities count if empty
    const bool by_authority_;
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
};

namespace {

constexpr std::size_t read_size = 16 * 1024;

// What OpenSSL has to say, and its queue emptied: an old entry would explain a new failure wrongly.
std::string last_words(std::string_view otherwise) {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return std::string(otherwise);
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : std::string(otherwise);
}

// OpenSSL's own socket BIO raises SIGPIPE when the other side has gone. This one does not.
int bio_write(BIO* bio, const char* bytes, int size) {
    const int fd = *static_cast<int*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const ssize_t sent = ::send(fd, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* bytes, int size) {
    const int fd = *static_cast<int*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const ssize_t got = ::recv(fd, bytes, static_cast<std::size_t>(size), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
}

long bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* socket_without_sigpipe() {
    static const std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)>(made, BIO_meth_free);
    }();
    return method.get();
}

bool is_address(const std::string& host) {
    Poco::Net::IPAddress address;
    return Poco::Net::IPAddress::tryParse(host, address);
}

std::string fingerprint_of(X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    check(X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1,
          "SHA-256 of a certificate is always there");
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest.at(i));
    return text;
}

std::string plain_fingerprint(std::string_view text) {
    std::string plain;
    for (const char c : text) {
        if (c == ':' || c == ' ') continue;
        const bool small = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        const bool capital = c >= 'A' && c <= 'F';
        if (!small && !capital)
            throw Error("a fingerprint has hex digits and colons only, like AA:BB:… (32 pairs)");
        plain += small ? c : static_cast<char>(c - 'A' + 'a');
    }
    if (plain.size() != 64)
        throw Error(fmt::format(
            "a SHA-256 fingerprint has 64 hex digits, not {}; pvenode cert info shows it, and "
            "commas separate those of several nodes",
            plain.size()));
    return plain;
}

class TlsConnection final : public NetConnection {
  public:
    TlsConnection(const Poco::Net::StreamSocket& socket, std::shared_ptr<TlsContext> context)
        : socket_(socket),
          fd_(socket_.impl()->sockfd()),
          context_(std::move(context)),
          ssl_(SSL_new(context_->get()), SSL_free) {
        BIO* bio = BIO_new(socket_without_sigpipe());
        check(ssl_ && bio != nullptr, "OpenSSL has memory left");
        BIO_set_data(bio, &fd_);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl_.get(), bio, bio);
    }

    void shake_hands(const std::string& host, const TimeLimit& limit) {
        context_->expect_host(ssl_.get(), host);
        if (again_until_done(limit, "the TLS handshake", [&] { return SSL_connect(ssl_.get()); }) ==
            0)
            throw Error("the connection was closed in the TLS handshake");
        context_->check_peer(ssl_.get());
    }

    void write(std::string_view bytes, const TimeLimit& limit) override {
        const int sent = again_until_done(limit, "sending the request", [&] {
            return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        });
        if (sent == 0) throw Error("the connection was closed while the request was sent");
    }

    std::string read(const TimeLimit& limit) override {
        std::string bytes(read_size, '\0');
        const int got = again_until_done(limit, "the answer", [&] {
            return SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        });
        bytes.resize(static_cast<std::size_t>(got));
        return bytes;
    }

    // Session tickets may have come: they are read and are nothing.
    bool is_quiet() override {
        char byte = 0;
        ERR_clear_error();
        const int got = SSL_peek(ssl_.get(), &byte, 1);
        return got <= 0 && SSL_get_error(ssl_.get(), got) == SSL_ERROR_WANT_READ;
    }

  private:
    // 0 if the other side has closed, whether or not it said so in TLS: the reader of the answer
    // knows if that was too early.
    template <typename Call>
    int again_until_done(const TimeLimit& limit, std::string_view what, Call call) {
        while (true) {
            // Of a server that never pauses nobody ever waits.
            limit.left(what);
            ERR_clear_error();
            errno = 0;
            const int result = call();
            if (result > 0) return result;
            const int error = SSL_get_error(ssl_.get(), result);
            switch (error) {
                case SSL_ERROR_WANT_READ:
                    wait_for(socket_, Poco::Net::Socket::SELECT_READ, limit, what);
                    break;
                case SSL_ERROR_WANT_WRITE:
                    wait_for(socket_, Poco::Net::Socket::SELECT_WRITE, limit, what);
                    break;
                case SSL_ERROR_ZERO_RETURN:
                    return 0;
                default:
                    if (was_closed(error)) return 0;
                    throw Error(fmt::format("{}: {}", what, why_not()));
            }
        }
    }

    static bool was_closed(int error) {
        if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) return errno == 0;
        return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    }

    std::string why_not() {
        const long verified = SSL_get_verify_result(ssl_.get());
        const int number = errno;
        std::string words =
            last_words(number != 0 ? std::strerror(number) : "the connection broke");
        if (verified == X509_V_OK) return words;
        return fmt::format("{}: {}", words, X509_verify_cert_error_string(verified));
    }

    Poco::Net::StreamSocket socket_;
    int fd_;
    std::shared_ptr<TlsContext> context_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

}  // namespace

TlsContext::TlsContext(const HttpTrust& trust)
    : believed_(trust.sha256.empty() ? std::vector<std::string>()
                                     : plain_fingerprints(trust.sha256)),
      by_authority_(believed_.empty() && !trust.anybody),
      context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    check(context_ != nullptr, "OpenSSL has memory left");
    SSL_CTX* context = context_.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(context, by_authority_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!by_authority_) return;
    ERR_clear_error();
    if (trust.ca_file.empty()) {
        SSL_CTX_set_default_verify_paths(context);
    } else if (SSL_CTX_load_verify_locations(context, trust.ca_file.c_str(), nullptr) != 1) {
        throw Error(fmt::format("{}: no certificates can be read from it: {}",
                                trust.ca_file,
                                last_words("it is not a file of PEM certificates")));
    }
    // The file may hold a server's own certificate instead of its authority's.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
}

void TlsContext::expect_host(SSL* ssl, const std::string& host) const {
    if (!is_address(host)) SSL_set_tlsext_host_name(ssl, host.c_str());
    if (!by_authority_) return;
    const int set = is_address(host)
                        ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str())
                        : SSL_set1_host(ssl, host.c_str());
    if (set != 1) throw Error(fmt::format("{} cannot be looked for in a certificate", host));
}

void TlsContext::check_peer(SSL* ssl) const {
    const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl),
                                                             X509_free);
    if (!certificate) throw Error("the server has shown no certificate");
    if (believed_.empty()) return;  // checked in the handshake, unless anybody will do
    const std::string shown = fingerprint_of(certificate.get());
    if (std::find(believed_.begin(), believed_.end(), shown) == believed_.end())
        throw Error(fmt::format("the server's certificate has the SHA-256 fingerprint {}, not {}",
                                shown,
                                fmt::join(believed_, " or ")));
}

std::shared_ptr<TlsContext> make_tls_context(const HttpTrust& trust) {
    return std::make_shared<TlsContext>(trust);
}

std::unique_ptr<NetConnection> open_tls(const Poco::Net::StreamSocket& socket,
                                        const std::string& host,
                                        std::shared_ptr<TlsContext> context,
                                        const TimeLimit& limit) {
    auto connection = std::make_unique<TlsConnection>(socket, std::move(context));
    connection->shake_hands(host, limit);
    return connection;
}

std::vector<std::string> plain_fingerprints(std::string_view list) {
    std::vector<std::string> plain;
    while (true) {
        const std::size_t comma = std::min(list.find(','), list.size());
        plain.push_back(plain_fingerprint(list.substr(0, comma)));
        if (comma == list.size()) return plain;
        list.remove_prefix(comma + 1);
    }
}

}  // namespace slipway
