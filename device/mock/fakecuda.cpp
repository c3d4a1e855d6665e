// Lets autograd run the backward pass of tensors that say they are on a CUDA device,
// where there is none.
//
// torch reaches a device by two tables. The first holds a guard for each kind of device:
// ours counts one device, has one stream and does nothing. The second holds hooks, which
// autograd asks for a CUDA context: ours says that there is none to switch to. The
// object with the hooks cannot be exchanged, so that its table of virtual functions is,
// by the ABI of GCC and Clang: an object begins with the pointer to it, and neither class
// has members. `fakecuda_restore` puts both back.
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace {
const auto kind = c10::DeviceType::CUDA;

c10::Stream only_stream() {
  return c10::Stream(c10::Stream::DEFAULT, c10::Device(kind, 0));
}

struct Guard final : c10::impl::NoOpDeviceGuardImpl<kind> {
  using Device = c10::Device;
  using Stream = c10::Stream;
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  Device exchangeDevice(Device device) const override { return device; }
  Device getDevice() const override { return Device(kind, 0); }
  Stream getStream(Device) const noexcept override { return only_stream(); }
  Stream getDefaultStream(Device) const override { return only_stream(); }
  Stream getNewStream(Device, int) const override { return only_stream(); }
  Stream exchangeStream(Stream) const noexcept override { return only_stream(); }
  void record(void**, const Stream&, const c10::DeviceIndex,
              const c10::EventFlag) const override {}
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void recordDataPtrOnStream(const c10::DataPtr&, const Stream&) const override {}
};

struct Hooks final : at::CUDAHooksInterface {
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool hasCUDA() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return false; }
  c10::DeviceIndex current_device() const override { return 0; }
  int getNumGPUs() const override { return 1; }
};

Guard guard;
Hooks hooks;
const c10::impl::DeviceGuardImplInterface* real_guard = nullptr;
void* real_hooks = nullptr;

auto& registered() {
  return c10::impl::device_guard_impl_registry[static_cast<size_t>(kind)];
}

void*& functions_of(const at::CUDAHooksInterface& object) {
  auto& interface = const_cast<at::CUDAHooksInterface&>(object);
  return *reinterpret_cast<void**>(&interface);
}
}  // namespace

extern "C" void fakecuda_install() {
  real_guard = registered().load();
  registered().store(&guard);
  auto& functions = functions_of(at::detail::getCUDAHooks());
  real_hooks = functions;
  functions = functions_of(hooks);
}

extern "C" void fakecuda_restore() {
  registered().store(real_guard);
  functions_of(at::detail::getCUDAHooks()) = real_hooks;
}
