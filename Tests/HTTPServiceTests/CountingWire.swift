import NIOCore
import NIOPosix
import Synchronization

/// A wire to a server of this machine that counts what goes over it, by what is asked for. The mutex owns the counts.
final class CountingWire: Sendable {
  struct Count: Sendable {
    var requests = 0
    /// Bytes with all headers, there and back.
    var sent = 0
    var received = 0

    var bytes: Int { sent + received }
  }

  private let counts = Mutex<[String: Count]>([:])
  private let listener: any Channel

  var url: String { "http://127.0.0.1:\(listener.localAddress?.port ?? 0)" }

  /// What was counted by method and path, without the query.
  var all: [String: Count] { counts.withLock { $0 } }

  subscript(_ what: String) -> Count { all[what] ?? Count() }

  func clear() { counts.withLock { $0 = [:] } }

  /// Runs a body with a wire to a port.
  static func to<R>(_ port: Int, _ body: (CountingWire) async throws -> R) async throws -> R {
    let wire = try await CountingWire(port)
    do {
      let result = try await body(wire)
      try await wire.listener.close()
      return result
    } catch {
      try? await wire.listener.close()
      throw error
    }
  }

  private init(_ port: Int) async throws {
    let slot = Slot()
    listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { near in
        // On one event loop, so that the two ends call each other directly. Nothing is read from the near one before both are there.
        ClientBootstrap(group: near.eventLoop).connect(host: "127.0.0.1", port: port).flatMap { far in
          near.eventLoop.makeCompletedFuture {
            let line = Line()
            try near.pipeline.syncOperations.addHandler(End(far) { slot.wire?.count(sent: $0, line) })
            try far.pipeline.syncOperations.addHandler(End(near) { slot.wire?.count(received: $0, line) })
          }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    slot.set(self)
  }

  private func count(sent bytes: ByteBuffer, _ line: Line) {
    // A request's head comes whole, and its body never looks like one.
    let view = bytes.readableBytesView
    let isHead = ["GET ", "POST "].contains { view.starts(with: $0.utf8) }
    if isHead { line.what = String(decoding: view.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "\r") }, as: UTF8.self) }
    if isHead, line.what.hasSuffix(" HTTP/1.1") { line.what.removeLast(9) }
    counts.withLock { counts in
      counts[line.what, default: Count()].sent += bytes.readableBytes
      if isHead { counts[line.what]?.requests += 1 }
    }
  }

  private func count(received bytes: ByteBuffer, _ line: Line) {
    counts.withLock { $0[line.what, default: Count()].received += bytes.readableBytes }
  }

  /// What was asked for last on a connection: answers come in the order of requests. Its event loop owns it.
  private final class Line {
    var what = ""
  }

  /// The wire, once it is there.
  private final class Slot: Sendable {
    private let slot = Mutex<CountingWire?>(nil)
    var wire: CountingWire? { slot.withLock { $0 } }
    func set(_ wire: CountingWire) { slot.withLock { $0 = wire } }
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
