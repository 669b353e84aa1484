import HTTPService
import Laterbase
import ServiceLifecycle
import ViewKit

/// A server in this process for as long as a closure runs.
struct RunningServer: Sendable {
  let databases: [any DatabaseDeclaration]
  var options: ServerOptions

  /// Starts the server, runs `body` with its base URL, and stops the server when `body` returns false or throws; after true it goes on
  /// until SIGTERM or SIGINT, which stop it at any time.
  /// - Throws: what `body` throws, or why the server did not start.
  func run(_ body: @escaping @Sendable (String) async throws(Failure) -> Bool) async throws(Failure) {
    let (ports, listening) = AsyncStream<Int>.makeStream()
    var options = options
    options.onListening = { listening.yield($0) }
    let address = ListenAddress(host: options.host, port: options.port)
    do {
      let server = try LaterbaseServer(databases: databases, options: options)
      // The server ends by itself on a signal: that is a success.
      let service = ServiceGroupConfiguration.ServiceConfiguration(
        service: Running(server: server), successTerminationBehavior: .gracefullyShutdownGroup)
      let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [service], logger: options.logger))
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
          defer { listening.finish() }
          try await group.run()
        }
        if let port = await ports.first(where: { _ in true }) {
          do {
            let staysUp = try await body("http://\(ListenAddress(host: address.host, port: port))")
            if !staysUp { await group.triggerGracefulShutdown() }
          } catch {
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            throw error
          }
        }
        try await tasks.waitForAll()
      }
    } catch let failure as Failure {
      throw failure
    } catch let error as LaterbaseError {
      throw .failed(error.detail)
    } catch {
      throw address.cannotListen(error)
    }
  }

  /// The server as a service, so that it can be told to end what is under way and stop.
  private struct Running: Service {
    let server: LaterbaseServer
    func run() async throws { try await server.run() }
  }
}
