namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>What is sent, or asked of an upload, is not taken.</summary>
/// <param name="status">HTTP's.</param>
internal sealed class UploadRefusedException(int status, string message) : Exception(message)
{
    public int Status => status;
}
