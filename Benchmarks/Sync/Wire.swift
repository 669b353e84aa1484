import NIOCore
import NIOPosix
import Synchronization

/// A wire to a server that counts what goes over it, and the requests. The mutex owns the counts.
final class Wire: Sendable {
  private struct Counts {
    var sent = 0
    var received = 0
    var requests = 0
  }

  private let counts = Mutex(Counts())
  private let channel: any Channel

  var sent: Int { counts.withLock { $0.sent } }
  var received: Int { counts.withLock { $0.received } }
  var requests: Int { counts.withLock { $0.requests } }
  var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

  init(to port: Int) async throws {
    let counter = Counter()
    channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { near in
        // On one event loop, so that the two ends call each other directly. Nothing is read from the near one before both are there.
        ClientBootstrap(group: near.eventLoop).connect(host: "127.0.0.1", port: port).flatMap { far in
          near.eventLoop.makeCompletedFuture {
            try near.pipeline.syncOperations.addHandler(End(far) { counter.wire?.count(sent: $0) })
            try far.pipeline.syncOperations.addHandler(End(near) { counter.wire?.count(received: $0.readableBytes) })
          }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    counter.set(self)
  }

  func close() async throws { try await channel.close() }

  private func count(sent bytes: ByteBuffer) {
    counts.withLock { counts in
      counts.sent += bytes.readableBytes
      // A request's head comes whole.
      if bytes.readableBytesView.starts(with: "POST ".utf8) || bytes.readableBytesView.starts(with: "GET ".utf8) { counts.requests += 1 }
    }
  }

  private func count(received bytes: Int) { counts.withLock { $0.received += bytes } }

  /// The wire, once it is there.
  private final class Counter: Sendable {
    private let slot = Mutex<Wire?>(nil)
    var wire: Wire? { slot.withLock { $0 } }
    func set(_ wire: Wire) { slot.withLock { $0 = wire } }
  }

  /// Hands on to the other end what comes here.
  private final class End: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let other: any Channel
    private let count: (ByteBuffer) -> Void

    init(_ other: any Channel, _ count: @escaping (ByteBuffer) -> Void) {
      self.other = other
      self.count = count
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      count(bytes)
      other.writeAndFlush(bytes, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
  }
}
