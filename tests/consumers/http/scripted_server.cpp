#include "tests/consumers/http/scripted_server.h"

#include <Poco/Crypto/X509Certificate.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

void add_extension(X509* certificate, int kind, const char* text) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, text);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

class Peer final : public ScriptedPeer {
  public:
    Peer(const Poco::Net::StreamSocket& socket, Poco::Net::Context::Ptr context)
        : socket_(socket), context_(std::move(context)) {}

    std::string read_request() override {
        while (true) {
            const std::size_t head = buffer_.find("\r\n\r\n");
            if (head != std::string::npos) {
                const std::size_t end = head + 4 + length_of(buffer_.substr(0, head));
                if (buffer_.size() >= end) {
                    std::string request = buffer_.substr(0, end);
                    buffer_.erase(0, end);
                    return request;
                }
            }
            if (!receive()) return {};
        }
    }

    std::string read_line() override {
        while (true) {
            const std::size_t end = buffer_.find('\n');
            if (end != std::string::npos) {
                std::string line = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                if (line.ends_with('\r')) line.pop_back();
                return line;
            }
            if (!receive()) return {};
        }
    }

    void begin_tls() override {
        socket_ = Poco::Net::SecureStreamSocket::attach(socket_, context_);
        buffer_.clear();
    }

    void write(const std::string& bytes) override {
        if (!bytes.empty()) socket_.sendBytes(bytes.data(), static_cast<int>(bytes.size()));
    }

    void reset() override {
        socket_.setLinger(true, 0);
        socket_.impl()->close();
    }

    void close() {
        try {
            socket_.shutdown();
            socket_.close();
        } catch (const Poco::Exception&) {
            // the client was faster
        }
    }

  private:
    bool receive() {
        char bytes[4'096];
        const int got = socket_.receiveBytes(bytes, sizeof bytes);
        if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
        return got > 0;
    }

    static std::size_t length_of(const std::string& head) {
        const std::size_t at = head.find("Content-Length: ");
        return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
    }

    Poco::Net::StreamSocket socket_;
    const Poco::Net::Context::Ptr context_;
    std::string buffer_;
};

}  // namespace

void make_certificate(const std::string& key_file, const std::string& certificate_file) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3'600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(
        name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("pve.test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    add_extension(certificate, NID_subject_alt_name, "DNS:pve.test,IP:127.0.0.1");
    X509_sign(certificate, key, EVP_sha256());

    std::FILE* file = std::fopen(key_file.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    file = std::fopen(certificate_file.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

struct ScriptedServer::Inside {
    ServerKind kind;
    Script script;
    TempFolder folder;
    Poco::Net::Context::Ptr context;
    std::unique_ptr<Poco::Net::ServerSocket> socket;
    std::atomic<bool> stopped = false;
    std::atomic<int> connections = 0;
    std::vector<std::thread> peers;
    std::thread accepting;

    std::string file(const std::string& name) const { return folder.path() / name; }

    void serve(Poco::Net::StreamSocket accepted, int number) {
        accepted.setReceiveTimeout(Poco::Timespan(20, 0));
        Peer peer(accepted, context);
        try {
            script(peer, number);
        } catch (const Poco::Exception&) {
            // the client has gone, which is what some tests are about
        }
        peer.close();
    }

    void accept_until_stopped() {
        while (!stopped) {
            if (!socket->poll(Poco::Timespan(0, 20'000), Poco::Net::Socket::SELECT_READ)) continue;
            try {
                Poco::Net::StreamSocket accepted = socket->acceptConnection();
                const int number = ++connections;
                peers.emplace_back([this, accepted, number] { serve(accepted, number); });
            } catch (const Poco::Exception&) {
                // a client that did not like our certificate
            }
        }
    }
};

ScriptedServer::ScriptedServer(ServerKind kind, Script script)
    : inside_(std::make_unique<Inside>()) {
    inside_->kind = kind;
    inside_->script = std::move(script);
    const Poco::Net::SocketAddress any("127.0.0.1", 0);
    if (kind != ServerKind::Plain) {
        make_certificate(inside_->file("key.pem"), inside_->file("certificate.pem"));
        inside_->context = new Poco::Net::Context(Poco::Net::Context::SERVER_USE,
                                                  inside_->file("key.pem"),
                                                  inside_->file("certificate.pem"),
                                                  "",
                                                  Poco::Net::Context::VERIFY_NONE);
    }
    if (kind == ServerKind::Tls)
        inside_->socket =
            std::make_unique<Poco::Net::SecureServerSocket>(any, 64, inside_->context);
    else
        inside_->socket = std::make_unique<Poco::Net::ServerSocket>(any, 64);
    inside_->accepting = std::thread([this] { inside_->accept_until_stopped(); });
}

ScriptedServer::~ScriptedServer() {
    inside_->stopped = true;
    inside_->accepting.join();
    for (std::thread& peer : inside_->peers) peer.join();
}

std::string ScriptedServer::url() const {
    return fmt::format(
        "{}://127.0.0.1:{}", inside_->kind == ServerKind::Tls ? "https" : "http", port());
}

std::uint16_t ScriptedServer::port() const {
    return inside_->socket->address().port();
}

int ScriptedServer::connections() const {
    return inside_->connections;
}

std::string ScriptedServer::fingerprint() const {
    const Poco::Crypto::X509Certificate certificate(certificate_file());
    std::string text;
    for (const unsigned char byte : certificate.fingerprint("SHA256"))
        text += fmt::format("{}{:02X}", text.empty() ? "" : ":", byte);
    return text;
}

std::string ScriptedServer::certificate_file() const {
    return inside_->file("certificate.pem");
}

std::string ok_answer(const std::string& body) {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nServer: pve-api-daemon/3.0\r\n"
        "Content-Type: application/json;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{}",
        body.size(),
        body);
}

}  // namespace slipway
