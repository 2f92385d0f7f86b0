package dev.sparsed;

/**
 * What a model runs on.
 *
 * @param name the backend's name, such as {@code "vector"}
 * @param device what it computes with, for people: {@code "Vector API, 512 bits (16 floats)"}
 * @param threads threads that work on one operation
 * @param notes what a user should know, such as why a faster backend is not used; empty if there is nothing
 */
public record BackendInfo(String name, String device, int threads, String notes) {}
