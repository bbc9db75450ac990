#include "schema/connection_pool.h"

#include <algorithm>
#include <exception>

namespace slipway {

ConnectionPool::ConnectionPool(DatabaseSettings settings)
    : settings_(std::move(settings)),
      reads_through_writer_(dialect_of(settings_) == Dialect::PostgreSql ||
                            is_in_memory(settings_)) {
    const int connections = std::max(settings_.connections, 1);
    const bool many_writers = dialect_of(settings_) == Dialect::PostgreSql;
    writers_.most = many_writers ? connections : 1;
    readers_.most = std::max(connections - 1, 1);
}

std::unique_ptr<Connection> ConnectionPool::take(Access access) {
    Side& from = side(access);
    {
        std::unique_lock lock(mutex_);
        freed_.wait(lock, [&] { return from.lent < from.most; });
        ++from.lent;
        if (!from.idle.empty()) {
            auto connection = std::move(from.idle.back());
            from.idle.pop_back();
            return connection;
        }
    }
    try {
        return std::make_unique<Connection>(settings_, access);
    } catch (const std::exception&) {
        discard(access);
        throw;
    }
}

void ConnectionPool::give_back(Access access, std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    side(access).idle.push_back(std::move(connection));
    --side(access).lent;
    freed_.notify_all();
}

void ConnectionPool::discard(Access access) {
    std::vector<std::unique_ptr<Connection>> lost;  // closed without the lock
    const std::lock_guard lock(mutex_);
    lost.swap(side(access).idle);
    --side(access).lent;
    freed_.notify_all();
}

ConnectionPool::Lent::Lent(ConnectionPool& pool,
                           Access access,
                           std::unique_ptr<Connection>& connection)
    : pool_(pool),
      access_(access),
      connection_(connection),
      exceptions_(std::uncaught_exceptions()) {}

ConnectionPool::Lent::~Lent() {
    const bool failed = std::uncaught_exceptions() > exceptions_;
    if (!failed || connection_->recover()) {
        pool_.give_back(access_, std::move(connection_));
    } else {
        connection_.reset();
        pool_.discard(access_);
    }
}

}  // namespace slipway
