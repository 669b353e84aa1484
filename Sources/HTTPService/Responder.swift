import HTTPTypes
package import Hummingbird
import NIOCore

/// Brings Hummingbird's requests to the service, and takes the answers back.
package struct Responder: HTTPResponder {
  let service: Frontend

  package func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    let answer = await service.respond(to: Call(request.head), request.body)
    var headers = HTTPFields()
    headers.reserveCapacity(answer.fields.count + 2)
    for (name, value) in answer.fields {
      if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
    }
    let status = HTTPResponse.Status(code: answer.status)
    switch answer.content {
    case .none: return Response(status: status, headers: headers)
    case .bytes(let buffer): return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: buffer))
    case .stream(let stream): return Response(status: status, headers: headers, body: Self.body(stream))
    }
  }

  private static func body(_ stream: @escaping Answer.Stream) -> ResponseBody {
    ResponseBody { writer in
      let sink = StreamSink(writer)
      try await stream { try await sink.write($0) }
      try await sink.finish()
    }
  }
}

/// A response's writer, for the one task that writes the response.
private final class StreamSink: @unchecked Sendable {
  // Sendable: only the task that streams the answer calls it, one call after the other.
  private var writer: any ResponseBodyWriter

  init(_ writer: any ResponseBodyWriter) { self.writer = writer }

  func write(_ buffer: ByteBuffer) async throws { try await writer.write(buffer) }
  func finish() async throws { try await writer.finish(nil) }
}
