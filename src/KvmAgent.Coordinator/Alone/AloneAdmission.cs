using KvmAgent.Coordinator.Agents;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>Whose an agent's token is: a VM's, or the one that enrols VMs.</summary>
internal sealed class AloneAdmission(AloneMachines machines, byte[] enrolmentHash, TimeProvider time, ILogger<EnrolmentSession> log)
{
    public Task<AgentAdmission> AdmitAsync(string token, CancellationToken cancel)
    {
        var hash = Token.Hash(token);
        return Task.FromResult(
            machines.FindByToken(hash) is { Metadata: var vm } ? AgentAdmission.Admit(new AgentIdentity(vm.Namespace!, vm.Name!, vm.Uid!), DateTimeOffset.MaxValue)
            : Token.AreSame(hash, enrolmentHash) ? AgentAdmission.Refuse("the token enrols VMs, and is none itself", known: true) with
            {
                Expires = DateTimeOffset.MaxValue,
                Enrol = (socket, stop) => EnrolmentSession.RunAsync(socket, machines, time, log, stop),
            }
            : AgentAdmission.Refuse($"the token is neither a VM's nor the one in {AloneSetting.DataDir.Name}/agents/token; the VM may have been forgotten"));
    }
}
