//! A program of the teaching ABI in another language, without its standard library: calls, a fork
//! that shares data, semaphores, and vector instructions, which the compiler may use everywhere.
#![no_std]
#![no_main]

use core::arch::asm;
use core::arch::x86_64::{_mm_add_epi32, _mm_mul_ps, _mm_set1_epi32, _mm_set1_ps, _mm_set_epi32};
use core::arch::x86_64::{__m128, __m128i};
use core::sync::atomic::{AtomicU64, Ordering};

const WRITE: u64 = 1;
const GETPID: u64 = 39;
const FORK: u64 = 58;
const EXIT: u64 = 60;
const WAITPID: u64 = 61;
const SEM: u64 = 66;
const KEY: u64 = 7;
const ROUNDS: u64 = 50;

static SHARED: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

#[inline(always)]
fn call(number: u64, a: u64, b: u64, c: u64) -> i64 {
    let result: i64;
    unsafe {
        asm!("int 0x80", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c);
    }
    result
}

fn print(text: &str) {
    call(WRITE, 1, text.as_ptr() as u64, text.len() as u64);
}

fn check(good: &str, bad: &str, holds: bool) {
    print(if holds { good } else { bad });
    if !holds {
        FAILED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Vectors that are kept in registers over calls: four sums, each `4 * rounds * (seed + lane)`.
fn vectors(seed: i32) -> bool {
    let mut sums: __m128i = zero();
    let add = unsafe { _mm_set_epi32(seed + 3, seed + 2, seed + 1, seed) };
    let mut product: __m128 = unsafe { _mm_set1_ps(1.0) };
    let two = unsafe { _mm_set1_ps(2.0) };
    for round in 0..ROUNDS {
        call(GETPID, 0, 0, 0);
        if round % 8 == 0 {
            call(SEM, 2, KEY, 0);
            call(SEM, 3, KEY, 0);
        }
        unsafe {
            sums = _mm_add_epi32(sums, add);
            product = _mm_mul_ps(product, two);
        }
    }
    let lanes: [i32; 4] = unsafe { core::mem::transmute(sums) };
    let floats: [f32; 4] = unsafe { core::mem::transmute(product) };
    let exact = f32::from_bits(0x3f80_0000 + ((ROUNDS as u32) << 23));
    (0..4).all(|i| lanes[i] == ROUNDS as i32 * (seed + i as i32) && floats[i] == exact)
}

fn zero() -> __m128i {
    unsafe { _mm_set1_epi32(0) }
}

#[inline(never)]
fn child_run(number: u64) -> ! {
    let good = vectors(number as i32 * 100);
    SHARED.fetch_add(1, Ordering::SeqCst);
    call(EXIT, if good { 0 } else { 1 }, 0, 0);
    loop {}
}

/// The child calls a function at once: no register but the stack pointer is its own.
#[inline(never)]
fn start(number: u64) -> i64 {
    let pid: i64;
    unsafe {
        asm!(
            "push {n}",
            "int 0x80",
            "test rax, rax",
            "jnz 2f",
            "pop rdi",
            "and rsp, -16",
            "call {child}",
            "2: add rsp, 8",
            n = in(reg) number,
            child = sym child_entry,
            inlateout("rax") FORK => pid,
            clobber_abi("C"),
        );
    }
    pid
}

extern "C" fn child_entry(number: u64) -> ! {
    child_run(number)
}

extern "C" fn run() -> i64 {
    let mut pids = [0i64; 4];
    call(SEM, 0, KEY, 1);
    check("ok rust_vectors\n", "not ok rust_vectors\n", vectors(7));
    for (number, pid) in pids.iter_mut().enumerate() {
        *pid = start(number as u64 + 1);
    }
    let parent = vectors(9000);
    let codes: i64 = pids.iter().map(|pid| call(WAITPID, *pid as u64, 0, 0)).sum();
    check("ok rust_vectors_of_children\n", "not ok rust_vectors_of_children\n", codes == 0);
    check("ok rust_vectors_meanwhile\n", "not ok rust_vectors_meanwhile\n", parent);
    let shared = SHARED.load(Ordering::SeqCst);
    check("ok rust_shared_data\n", "not ok rust_shared_data\n", shared == 4);
    FAILED.load(Ordering::Relaxed) as i64
}

/// rsp is as after a call, as a function expects it.
#[no_mangle]
extern "C" fn _start() -> ! {
    let code = run();
    call(EXIT, code as u64, 0, 0);
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    print("not ok rust_panics\n");
    call(EXIT, 1, 0, 0);
    loop {}
}
