import LaterbaseCommands
import ViewKit
import Views

@main struct App: LaterbaseMain { static let databases = registry }
