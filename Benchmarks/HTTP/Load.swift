import NIOCore
import NIOPosix

/// A closed loop over one connection: sends a request, waits for the whole answer, sends the next, until the deadline.
/// Parses just what it must of HTTP/1.1: the status, `Content-Length`, and chunked bodies.
final class LoadHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let next: () -> ByteBuffer?
  private let result: LoadResult
  private var received = ByteBuffer()
  private var sent = NIODeadline.now()
  private var body: Body?

  private enum Body {
    case length(Int)
    case chunked
  }

  init(_ result: LoadResult, next: @escaping () -> ByteBuffer?) {
    self.result = result
    self.next = next
  }

  func channelActive(context: ChannelHandlerContext) { send(context) }

  private func send(_ context: ChannelHandlerContext) {
    guard let request = next() else {
      context.close(promise: nil)
      return
    }
    sent = .now()
    context.writeAndFlush(wrapOutboundOut(request), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var part = unwrapInboundIn(data)
    result.bytes += part.readableBytes
    received.writeBuffer(&part)
    if body == nil, !readHead() { return }
    guard isComplete() else { return }
    body = nil
    received.clear()
    result.requests += 1
    result.nanoseconds.append((NIODeadline.now() - sent).nanoseconds)
    send(context)
  }

  private func readHead() -> Bool {
    let view = received.readableBytesView
    guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else { return false }
    let head = String(decoding: view[..<end.lowerBound], as: UTF8.self).lowercased()
    if !head.hasPrefix("http/1.1 2") { result.errors += 1 }
    received.moveReaderIndex(to: end.upperBound)
    let lengthLine = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
    body = lengthLine.flatMap { Int($0.dropFirst(15).filter(\.isNumber)) }.map { .length($0) } ?? .chunked
    return true
  }

  private func isComplete() -> Bool {
    switch body {
    case .length(let count): return received.readableBytes >= count
    case .chunked:
      // The answers here end with the empty chunk; what came before needn't be kept.
      let tail = received.readableBytesView.suffix(5)
      if tail.elementsEqual("0\r\n\r\n".utf8) { return true }
      received.moveReaderIndex(forwardBy: max(0, received.readableBytes - 5))
      received.discardReadBytes()
      return false
    case nil: return false
    }
  }
}

/// What a load came to.
final class LoadResult: @unchecked Sendable {
  // Sendable: changed on the one event loop of its load only, and looked at after that has shut down.
  var begun = 0
  var requests = 0
  var errors = 0
  var bytes = 0
  var nanoseconds: [Int64] = []

  func microseconds(_ quantile: Double) -> Double {
    guard !nanoseconds.isEmpty else { return 0 }
    let sorted = nanoseconds.sorted()
    return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * quantile))]) / 1000
  }
}

/// Runs `connections` closed loops on one event loop for some seconds, or for `requestsMax` requests.
func load(
  port: Int, connections: Int, seconds: Double, requestsMax: Int = .max, _ request: @escaping @Sendable (Int) -> ByteBuffer
) throws -> (result: LoadResult, seconds: Double) {
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let result = LoadResult()
  let began = NIODeadline.now()
  let deadline = began + .nanoseconds(Int64(seconds * 1e9))
  let bootstrap = ClientBootstrap(group: group)
    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    .channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        let handler = LoadHandler(result) {
          guard NIODeadline.now() < deadline, result.begun < requestsMax else { return nil }
          result.begun += 1
          return request(result.begun)
        }
        try channel.pipeline.syncOperations.addHandler(handler)
      }
    }
  let channels = try (0..<connections).map { _ in try bootstrap.connect(host: "127.0.0.1", port: port).wait() }
  for channel in channels { try channel.closeFuture.wait() }
  let took = Double((NIODeadline.now() - began).nanoseconds) / 1e9
  try group.syncShutdownGracefully()
  return (result, took)
}
